"""Whether a system answered as many requests as --availability asks for: all of them (`total`), or a fraction.

A request counts as answered if it succeeded, or failed only because of the data (its key does not exist, its
precondition does not hold). Two kinds of requests are not counted: those to a node that was killed or paused meanwhile,
which no system can be expected to answer, and operations that a node does not support.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor

from checker.history import Operation
from checker.verdict import Explanation, Part, Verdict
from targets.protocol.fault_base import KILLED, PAUSED, Condition, Fault
from targets.protocol.node import NodeId

HEADLINE = "✗ NOT AVAILABLE"

ABOUT_DATA = re.compile(r"error (20|21|22)\b")
NOT_SUPPORTED = re.compile(r"error 10\b")

Span = tuple[int, int | None]
"""From and to, ns; None: to the end."""


@dataclass(frozen=True)
class Availability:
    """`answered` of `asked` requests; `first`: the first that was not."""

    asked: int
    answered: int
    first: Operation | None = None

    @property
    def share(self) -> float:
        """From 0 to 1; 1 if nothing was asked."""
        return self.answered / self.asked if self.asked else 1.0

    def __str__(self) -> str:
        percent = floor(self.share * 10_000) / 100  # never 100 unless it is all of them
        return f"{self.answered} of {self.asked} requests to running nodes answered ({percent:.2f} %)"


def availability(operations: Sequence[Operation], events: Sequence[tuple[float, Fault]]) -> Availability:
    """Count the operations that ended. `events`: the faults, each with its time in ms."""
    spans = stopped(events)
    asked = answered = 0
    first: Operation | None = None
    for op in operations:
        if NOT_SUPPORTED.match(op.error or "") or _met(op, spans.get(op.node or "", ())):
            continue
        asked += 1
        if op.status == "ok" or ABOUT_DATA.match(op.error or ""):
            answered += 1
        elif first is None or op.call < first.call:
            first = op
    return Availability(asked, answered, first)


def stopped(events: Sequence[tuple[float, Fault]]) -> dict[NodeId, list[Span]]:
    """By node: the spans in which it was killed or paused."""
    found: dict[NodeId, list[Span]] = {}
    for at_ms, fault in events:
        at_ns = int(at_ms * 1e6)
        for node in _nodes(fault.ends()):
            found[node] = [(first, at_ns if last is None else last) for first, last in found.get(node, [])]
        for node in _nodes(fault.begins()):
            found.setdefault(node, []).append((at_ns, None))
    return found


def _nodes(conditions: frozenset[Condition]) -> set[NodeId]:
    """The nodes whose process does not run under these conditions."""
    return {one.where for one in conditions if one.what in (KILLED, PAUSED)}


AFTERWARDS_NS = 2_000_000_000
"""For this time after a restart a node may still be starting."""


def _met(op: Operation, spans: Sequence[Span]) -> bool:
    return any(first <= op.ret and (last is None or op.call <= last + AFTERWARDS_NS) for first, last in spans)


def with_availability(verdict: Verdict, seen: Availability, wanted: float) -> Verdict:
    """The verdict, made invalid if the system answered too few requests."""
    if verdict.outcome == "invalid" or seen.first is None or seen.share >= wanted:
        return verdict
    least = "all of them" if wanted >= 1 else f"{wanted:.2%}"
    op = seen.first
    sentence = f"Not available: {seen}, --availability asks for {least}; the first without an answer is #{op.index}"
    sentence += f" at {op.node}: {op.error or op.status}."
    explanation = Explanation("not-available", sentence, (), op.index)
    part = Part(None, "invalid", "availability", verdict.operations, explanation=explanation)
    return replace(verdict, outcome="invalid", method="availability", parts=(part, *verdict.parts))
