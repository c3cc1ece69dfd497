"""Events in a sentence: what a node took, from whom, for which operation, and what it did then."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from naysayer.exchanges import by_operation
from naysayer.explorer.replay import FURTHER, Replay
from naysayer.message_text import MessageText
from targets.backends.simulator.network import Sent
from targets.backends.simulator.observed import Event
from targets.protocol.node import NodeId, Reply, Request

YOU = "your client"
"""What a client is called that an edit has added."""


class Words:
    """Puts the events of one replay into words."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._text = MessageText()
        self._sent: defaultdict[tuple[int, NodeId], list[Sent]] = defaultdict(list)
        for one in replay.sent:
            self._sent[one.sent_ns, one.source].append(one)
        self._held = {id(one) for one in replay.sent[len(replay.cluster.trace or ()) :]}
        self._belongs: dict[int, int] = {}
        self._exchanges: dict[str, int] = {}
        for request, messages in by_operation(replay.sent).items():
            number = replay.operations.get(request)
            if number is not None:
                for sent in messages:
                    self._belongs.setdefault(id(sent.message), number)
                    if len(sent.message.exchange) == 1:
                        self._exchanges[str(getattr(sent.message, sent.message.exchange[0]))] = number

    def message(self, message: Any, source: NodeId) -> str:
        """A message: `Got 7 @3.n2`."""
        if isinstance(message, Reply) and (message.status, message.output) == ("ok", None):
            asked = self._replay.requests.get(message.id)
            return "ok: nothing" if asked is not None and asked.f == "read" else "ok"
        if isinstance(message, Request | Reply):
            return self._text.whole(message, source)
        kind, carried = type(message).__name__, self._text.carried(message, source, None)
        return f"{kind} {carried}".rstrip()

    def is_held(self, sent: Sent) -> bool:
        """Whether a message is held back."""
        return id(sent) in self._held

    def timer(self, name: str) -> str:
        """A timer; one that is called by the number of an exchange is that of its operation."""
        operation = self._exchanges.get(name)
        return name if operation is None else f"of #{operation}"

    def client(self, process: int | str) -> str:
        """A client by its process: p3; or the person's own."""
        return YOU if isinstance(process, int) and process >= FURTHER else f"p{process}"

    def place(self, name: NodeId) -> str:
        """A node, or a client by its link name."""
        if name[0] == "x":
            return YOU
        return f"p{name[1:]}" if name[0] == "c" and name[1:].isdigit() else name

    def operation(self, content: Any) -> str:
        """` of #588`, where a message belongs to that operation by its id."""
        number = self.belongs(content)
        return "" if number is None else f" of #{number}"

    def belongs(self, content: Any) -> int | None:
        """The operation that a message belongs to, as far as that is known."""
        if isinstance(content, Request | Reply):
            return self._replay.operations.get(content.id)
        return self._belongs.get(id(content))

    def sentence(self, event: Event) -> str:
        """What happened."""
        return f"{self._what(event)}{self._then(event)}."

    def _what(self, event: Event) -> str:
        place, content = self.place(event.place) if event.place else "", event.content
        match event.what:
            case "start":
                return f"{place} started"
            case "timer":
                return f"{place}'s timer {self.timer(content)} fired"
            case "sync":
                return f"What {place} wrote is durable"
            case "death":
                return f"{place} died: {content}"
            case "fault":
                return f"{content.in_full()}"
            case "timeout":
                return f"{place} gave up waiting: {self.message(content, '')}{self.operation(content)}"
            case "invoke":
                return f"{place} asked {event.sender}: {self.message(content, '')}{self.operation(content)}"
        told = self.message(content, event.sender)
        of, source = self.operation(content), self.place(event.sender)
        match event.what:
            case "reply":
                return f"{place} got the answer{of} from {source}: {told}"
            case "ignored":
                which = "which is down" if event.place in self._replay.cluster.hosts else "which no longer waits for it"
                return f"{told}{of} from {source} reached {place}, {which}"
        return f"{place} took {told}{of} from {source}"

    def _then(self, event: Event) -> str:
        """What the node sent meanwhile, and what became of that."""
        if event.place not in self._replay.cluster.hosts:
            return ""
        sent = self._sent.get((event.time_ns, event.place), [])
        if not sent:
            return ""
        by_text: dict[str, list[str]] = {}
        for one in sent:
            fate = " (held back)" if id(one) in self._held else " (lost)" if one.delivered_ns is None else ""
            by_text.setdefault(self.message(one.message, one.source), []).append(f"{self.place(one.dest)}{fate}")
        parts = [f"{text} to {', '.join(dests)}" for text, dests in by_text.items()]
        return f", and sent {'; '.join(parts)}"
