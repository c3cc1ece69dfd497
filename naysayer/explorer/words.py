"""Events in a sentence: what a node took, from whom, for which operation, and what it did then."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from naysayer.exchanges import by_operation
from naysayer.explorer.replay import FURTHER, Replay
from naysayer.message_text import MessageText
from targets.backends.simulator.network import MS, Sent
from targets.backends.simulator.observed import Event
from targets.protocol.node import NodeId, Reply, Request

YOU = "your client"
"""What a client is called that an edit has added."""


Name = tuple[NodeId, NodeId, int]
"""What tells a message from all others, in every run up to the same event: from, to, its number on the link."""

Names = frozenset[Name]
NONE: Names = frozenset()


class Words:
    """Puts the events of a run into words. It knows the run to its end, and so what became of every message."""

    def __init__(self, whole: Replay) -> None:
        self._whole = whole
        self._text = MessageText()
        self._sent: defaultdict[tuple[int, NodeId], list[Sent]] = defaultdict(list)
        self._sent_ns: dict[Name, int] = {}
        for one in whole.sent:
            self._sent[one.sent_ns, one.source].append(one)
            self._sent_ns[one.source, one.dest, one.number] = one.sent_ns
        self._belongs: dict[Name, int] = {}
        self._exchanges: dict[str, int] = {}
        for request, messages in by_operation(whole.sent).items():
            number = whole.operations.get(request)
            if number is not None:
                for sent in messages:
                    self._belongs.setdefault((sent.source, sent.dest, sent.number), number)
                    if len(sent.message.exchange) == 1:
                        self._exchanges[str(getattr(sent.message, sent.message.exchange[0]))] = number

    def sent_ms(self, name: Name) -> float | None:
        """When a message was sent."""
        at_ns = self._sent_ns.get(name)
        return None if at_ns is None else at_ns / MS

    def belongs(self, name: Name) -> int | None:
        """The operation that a message belongs to, as far as that is known."""
        return self._belongs.get(name)

    def message(self, message: Any, source: NodeId) -> str:
        """A message: `Got 7 @3.n2`."""
        if isinstance(message, Reply) and (message.status, message.output) == ("ok", None):
            asked = self._whole.requests.get(message.id)
            return "ok: nothing" if asked is not None and asked.f == "read" else "ok"
        if isinstance(message, Request | Reply):
            return self._text.whole(message, source)
        kind, carried = type(message).__name__, self._text.carried(message, source, None)
        return f"{kind} {carried}".rstrip()

    def timer(self, name: str) -> str:
        """A timer; one that is called by the number of an exchange is that of its operation."""
        operation = self._exchanges.get(name)
        return name if operation is None else f"of #{operation}"

    def client(self, process: int | str) -> str:
        """A client by its process: p3; or the person's own."""
        return YOU if isinstance(process, int) and process >= FURTHER else self._name(process)

    def place(self, name: NodeId) -> str:
        """A node, or a client by its link name."""
        if name[0] == "x":
            return YOU
        return self._name(int(name[1:])) if name[0] == "c" and name[1:].isdigit() else name

    def _name(self, process: int | str) -> str:
        """The client of a script by its name, others by the process."""
        names = self._whole.names
        return f"p{process}" if names[0] == "p0" else names[int(process) % len(names)]

    def sentence(
        self, event: Event, held: frozenset[Name] = frozenset(), under_way: frozenset[Name] = frozenset()
    ) -> str:
        """What happened. `held`, `under_way`: the messages that are so right after it."""
        return f"{self._what(event)}{self._then(event, held, under_way)}."

    def _of(self, event: Event) -> str:
        """` of #588`, where the event is part of that operation."""
        content = event.content
        if event.number and event.sender:
            number = self.belongs((event.sender, event.place, event.number))
        else:
            number = self._whole.operations.get(content.id) if isinstance(content, Request | Reply) else None
        return "" if number is None else f" of #{number}"

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
                return f"{place} gave up waiting: {self.message(content, '')}{self._of(event)}"
            case "invoke":
                return f"{place} asked {event.sender}: {self.message(content, '')}{self._of(event)}"
        told = self.message(content, event.sender)
        of, source = self._of(event), self.place(event.sender)
        match event.what:
            case "reply":
                return f"{place} got the answer{of} from {source}: {told}"
            case "ignored":
                which = "which is down" if event.place in self._whole.cluster.hosts else "which no longer waits for it"
                return f"{told}{of} from {source} reached {place}, {which}"
        return f"{place} took {told}{of} from {source}"

    def _then(self, event: Event, held: Names, under_way: Names) -> str:
        """What the node sent meanwhile, and what became of that."""
        if event.place not in self._whole.cluster.hosts:
            return ""
        by_text: dict[str, list[str]] = {}
        for one in self._sent.get((event.time_ns, event.place), []):
            name = (one.source, one.dest, one.number)
            fate = (
                " (held back)"
                if name in held
                else " (lost)"
                if one.delivered_ns is None and name not in under_way
                else ""
            )
            by_text.setdefault(self.message(one.message, one.source), []).append(f"{self.place(one.dest)}{fate}")
        parts = [f"{text} to {', '.join(dests)}" for text, dests in by_text.items()]
        return f", and sent {'; '.join(parts)}" if parts else ""
