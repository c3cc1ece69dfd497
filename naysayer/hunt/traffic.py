"""The messages of a real run's counterexample as a diagram, from the messages that were kept.

Drawn are what the clients of its operations asked and were answered; what the nodes sent each other, from or to the
node of one of the operations while it was under way, that names its key and the value that it stores, if any; and the
answers to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.history import PENDING, Operation
from checker.verdict import Verdict
from naysayer.hunt.diagram import Ending, diagram
from naysayer.kept import EARLY_NS, SLACK_NS, Read, kept_messages
from naysayer.report.terminal import operations_of
from targets.backends.processes.messages import MESSAGES
from targets.backends.simulator.network import MS, Sent
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId

OPEN_NS = 1000 * MS
"""An operation of unknown outcome is followed for so long."""


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
    folder: Path,
    verdict: Verdict,
    events: Sequence[tuple[float, Fault]],
    width: int | None = None,
    read: Read | None = None,
) -> str | None:
    """The diagram; None if no messages were kept, or nothing has a counterexample. `read`: makes messages of bodies, of
    a target of ours."""
    part = verdict.worst
    file = folder / MESSAGES
    if part is None or not part.counterexample or not file.exists():
        return None
    asked = [_asked(op) for op in operations_of(part)]
    shown = list(_chosen(file, asked, read))
    if not shown:
        return None
    first_ms, last_ms = min(one.op.call for one in asked) / MS, max(one.op.call for one in asked) / MS
    ends = [op.ret / MS for one in asked if (op := one.op).ret != PENDING]
    marks = [(at_ms, fault.in_full()) for at_ms, fault in events if first_ms - 1000 <= at_ms <= max([last_ms, *ends])]
    sentence = "" if part.explanation is None else f": {part.explanation.sentence}"
    return diagram(shown, marks, ending=Ending(max([last_ms, *ends]), f"✗ NOT LINEARIZABLE{sentence}"), width=width)


def _asked(op: Operation) -> _Asked:
    return _Asked(op, op.call + OPEN_NS if op.ret == PENDING else op.ret + SLACK_NS)


def _chosen(file: Path, asked: Sequence[_Asked], read: Read | None) -> Iterator[Sent]:
    questions: set[tuple[str, str, Any]] = set()
    """Drawn messages that may be answered: from, to, msg_id."""
    for one in kept_messages(file):
        source, dest, body = one.source, one.dest, one.body
        under_way = [asker for asker in asked if asker.op.call - EARLY_NS <= one.time_ns <= asker.to_ns]
        if source.startswith("c"):
            mine = [asker for asker in under_way if (source, dest) == (asker.client, asker.op.node) and not asker.sent]
            for asker in mine:
                asker.sent = True
            chosen = bool(mine)
        else:
            chosen = not one.of_client and any(
                asker.op.node in (source, dest) and all(_names(body, name) for name in asker.names)
                for asker in under_way
            )
        if chosen or (dest, source, one.answers) in questions:
            questions.add((source, dest, one.text if one.asks is None else one.asks))
            yield one.sent(read)


def _names(value: Any, name: Any) -> bool:
    """Whether a key or a value occurs anywhere in a message's body."""
    if isinstance(value, dict):
        return any(_names(one, name) for one in (*value, *value.values()))
    if isinstance(value, list):
        return any(_names(one, name) for one in value)
    return type(value) in (str, int) and str(value) == str(name)
