"""A schedule without kills of systems that keep everything in memory: a kill loses that by design."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.fault import KILLED, Fault


class Spare(msgspec.Struct, frozen=True):
    """Another schedule, whose kills are left out as long as `durable` says that nothing is kept on disk."""

    schedule: Any
    durable: Callable[[], bool]
    spared: Callable[[], None]
    """Called for each kill that was left out."""

    @property
    def needs_views(self) -> bool:
        return bool(getattr(self.schedule, "needs_views", True))

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        step, rest = self.schedule.next(situation)
        while isinstance(step, Step) and _kills(step.fault) and not self.durable():
            self.spared()
            step, rest = rest.next(situation)
        return step, Spare(rest, self.durable, self.spared)


def _kills(fault: Fault) -> bool:
    return any(begun.what == KILLED for begun in fault.begins())
