"""A schedule with further faults at given times, by which a run is continued in another way."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.fault import FAULT


class TimedFault(msgspec.Struct, frozen=True):
    """A fault is injected at `at_ms`, or ended (heal, restart, resume)."""

    at_ms: float
    fault: FAULT


class FaultScript(msgspec.Struct, frozen=True):
    """A schedule of nothing but these, in order of time."""

    left: tuple[TimedFault, ...]

    def next(self, situation: Situation) -> tuple[Step | None, Schedule]:
        if not self.left:
            return None, self
        return Step(self.left[0].at_ms, self.left[0].fault), FaultScript(self.left[1:])


class Decided(msgspec.Struct, frozen=True):
    """Another schedule, and the faults in `left`, in order of time, each at its own."""

    schedule: Any
    left: tuple[TimedFault, ...]

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        if not self.left:
            step, rest = self.schedule.next(situation)
            return step, rest
        first = self.left[0]
        if first.at_ms <= situation.now_ms:
            return Step(situation.now_ms, first.fault), replace(self, left=self.left[1:])
        step, rest = self.schedule.next(situation)
        if step is None:
            return Step(first.at_ms, first.fault), replace(self, schedule=rest, left=self.left[1:])
        if isinstance(step, Poll):
            step = replace(step, at_ms=min(step.at_ms, first.at_ms))
        return step, replace(self, schedule=rest)
