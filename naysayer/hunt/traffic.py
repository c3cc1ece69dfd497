"""The messages of a real run's counterexample as a diagram, from the messages that were kept (--bin).

Drawn are what the clients of its operations asked and were answered; what the nodes sent each other, from or to the
node of one of the operations while it was under way, that names its key and the value that it stores, if any; and the
answers to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from checker.history import PENDING, Operation
from checker.verdict import Verdict
from naysayer.hunt.diagram import Ending, diagram
from naysayer.message_text import Plain
from naysayer.notation import value_text
from naysayer.report.terminal import operations_of
from targets.backends.simulator.network import MS, Sent
from targets.backends.stdio.messages import MESSAGES
from targets.protocol.fault import Fault
from targets.protocol.node import Message, NodeId, Reply, Request

EARLY_NS, SLACK_NS = MS // 10, 3 * MS
"""Times in the history and of messages differ by so much at most, and by so much an answer is noted later."""

OPEN_NS = 1000 * MS
"""An operation of unknown outcome is followed for so long."""

VALUE_MAX = 24


class _Line(msgspec.Struct):
    """A line of messages.jsonl; one that says how many were left out has no message."""

    time: int = 0
    message: dict[str, Any] | None = None
    lost: bool = False
    held: bool = False
    delay_ms: tuple[float, ...] = ()


@dataclass
class _Asked:
    """An operation and the time in which its messages are looked for."""

    op: Operation
    to_ns: int
    sent: bool = False
    """Its request is drawn: the first that its client sent to its node since it was invoked."""

    @property
    def client(self) -> NodeId:
        return f"c{self.op.process}"

    @property
    def names(self) -> tuple[Any, ...]:
        """What a message about it names: its key, and the value that it stores."""
        given = self.op.input[-1] if isinstance(self.op.input, tuple) and self.op.input else self.op.input
        return (self.op.key,) if given is None else (self.op.key, given)


def draw_traffic(
    folder: Path, verdict: Verdict, events: Sequence[tuple[float, Fault]], width: int | None = None
) -> str | None:
    """The diagram; None if no messages were kept, or nothing has a counterexample."""
    part = verdict.worst
    file = folder / MESSAGES
    if part is None or not part.counterexample or not file.exists():
        return None
    asked = [_asked(op) for op in operations_of(part)]
    shown = list(_chosen(file, asked))
    if not shown:
        return None
    first_ms, last_ms = min(one.op.call for one in asked) / MS, max(one.op.call for one in asked) / MS
    ends = [op.ret / MS for one in asked if (op := one.op).ret != PENDING]
    marks = [(at_ms, fault.in_full()) for at_ms, fault in events if first_ms - 1000 <= at_ms <= max([last_ms, *ends])]
    sentence = "" if part.explanation is None else f": {part.explanation.sentence}"
    return diagram(shown, marks, ending=Ending(max([last_ms, *ends]), f"✗ NOT LINEARIZABLE{sentence}"), width=width)


def _asked(op: Operation) -> _Asked:
    return _Asked(op, op.call + OPEN_NS if op.ret == PENDING else op.ret + SLACK_NS)


def _chosen(file: Path, asked: Sequence[_Asked]) -> Iterator[Sent]:
    decoder = msgspec.json.Decoder(_Line)
    questions: set[tuple[str, str, Any]] = set()
    """Drawn messages that may be answered: from, to, msg_id."""
    with file.open("rb") as lines:
        for text in lines:
            line = decoder.decode(text)
            if line.message is None:
                continue
            source, dest, body = (line.message.get(name) for name in ("src", "dest", "body"))
            if not isinstance(source, str) or not isinstance(dest, str) or not isinstance(body, dict):
                continue
            under_way = [one for one in asked if one.op.call - EARLY_NS <= line.time <= one.to_ns]
            of_client = source.startswith("c") or dest.startswith("c")
            if source.startswith("c"):
                mine = [one for one in under_way if (source, dest) == (one.client, one.op.node) and not one.sent]
                for one in mine:
                    one.sent = True
                chosen = bool(mine)
            else:
                chosen = not of_client and any(
                    one.op.node in (source, dest) and all(_names(body, name) for name in one.names) for one in under_way
                )
            if chosen or (dest, source, body.get("in_reply_to")) in questions:
                questions.add((source, dest, body.get("msg_id", text)))
                late_ms = line.delay_ms[0] if line.delay_ms else 0.0
                arrives = None if line.lost or line.held else line.time + round(late_ms * MS)
                yield Sent(line.time, arrives, source, dest, _message(body, of_client, held=line.held))


def _names(value: Any, name: Any) -> bool:
    """Whether a key or a value occurs anywhere in a message's body."""
    if isinstance(value, dict):
        return any(_names(one, name) for one in (*value, *value.values()))
    if isinstance(value, list):
        return any(_names(one, name) for one in value)
    return type(value) in (str, int) and str(value) == str(name)


def _message(body: dict[str, Any], of_client: bool, *, held: bool) -> Message:
    kind = str(body.get("type", "?"))
    if of_client and "in_reply_to" not in body:
        given = body.get("value", body.get("to"))
        return Request(str(body.get("msg_id")), "", kind, body.get("key"), given)
    if of_client:
        error = body.get("text") or f"error {body.get('code')}" if kind == "error" else None
        return Reply(str(body["in_reply_to"]), "info" if error else "ok", body.get("value"), error)
    told = (f"{name} {value_text(one, VALUE_MAX)}" for name, one in body.items() if name not in ("type", "msg_id"))
    told = (text for text in told if not text.startswith("in_reply_to "))
    return Plain(f"{kind} {', '.join(told)}{' (held back)' if held else ''}")
