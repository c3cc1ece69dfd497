"""One fault that lasts as long as the run: what a system owes its clients then is progress, if a majority is intact.

Where faults come and go, no state lasts for several time-outs, and a system that stands still until a fault is over
looks like one that is slow. Here nothing else disturbs.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nemesis.kind import FaultKind, faults_of
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.fault import Fault

BEGINS_MS = 100.0
"""Mean time until it begins: mostly after the first election."""


class Steady(msgspec.Struct, frozen=True):
    """A schedule of one fault of a kind (a FaultKind), which is not ended."""

    kind: Any
    begins_ms: float | None = None
    """None: it has not been drawn."""
    due: tuple[Fault, ...] = ()

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        now = situation.now_ms
        if self.due:
            return Step(now, self.due[0]), replace(self, due=self.due[1:])
        if self.begins_ms is None:
            begins_ms = now + situation.random.expovariate(1.0) * BEGINS_MS
            return Poll(begins_ms), replace(self, begins_ms=begins_ms)
        if self.kind is None:
            return None, self
        kind: FaultKind = self.kind
        begun = faults_of(kind.begin(situation))
        if not begun:  # no node leads at this time
            return Poll(now + BEGINS_MS), self
        return replace(self, kind=None, due=begun).next(situation)
