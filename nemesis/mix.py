"""The usual schedule: faults of some kinds come and go at random, never two of one channel at once.

A directed kind does not begin when it is drawn, but at the next moment of its own, such as just after the leader's log
grew: what needs several events in a row to go wrong is rarely met by chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nemesis.catalog import find
from nemesis.schedule import Look, Schedule, Situation, Step
from targets.fault import Fault
from targets.node import NodeId

LASTING_MS = (20.0, 150.0, 600.0, 2000.0)
"""Scales of how long a fault lasts: shorter than an election, about one, longer than several."""

PAUSE_MS = 60.0
"""Mean time between two beginnings."""

WATCH_MS = 1.0
"""How often a directed fault looks whether its moment has come."""

PATIENCE_MS = 400.0
"""How long it looks, before another fault gets its turn."""


@dataclass(frozen=True)
class Active:
    """A fault in force, of the kind `name`, until `until_ms`."""

    name: str
    fault: Fault
    until_ms: float


@dataclass(frozen=True)
class Waiting:
    """A directed fault of the kind `name` that waits for its moment, at most until `until_ms`."""

    name: str
    until_ms: float
    views: dict[NodeId, dict[str, Any]]
    """What the nodes told of themselves when it last looked."""


@dataclass(frozen=True)
class Mix:
    """A schedule of the named kinds. `stretch` multiplies all times: 1 in the simulator, more where time is real."""

    kinds: tuple[str, ...]
    stretch: float = 1.0
    next_ms: float | None = None
    active: tuple[Active, ...] = ()
    due: tuple[Fault, ...] = ()
    """What the end of a fault asks for and is not carried out yet."""
    waiting: Waiting | None = None

    def next(self, situation: Situation) -> tuple[Step | Look | None, Schedule]:
        if not self.kinds:
            return None, self
        now = situation.now_ms
        if self.due:
            return Step(now, self.due[0]), replace(self, due=self.due[1:])
        for one in self.active:
            if one.until_ms <= now:
                others = tuple(other for other in self.active if other is not one)
                return Look(now), replace(self, active=others, due=find(one.name).end(situation, one.fault))
        if self.waiting is not None and now < self.waiting.until_ms:
            return self._watch(situation, self.waiting)
        if self.next_ms is None or now < self.next_ms:
            due = now + self._pause(situation) if self.next_ms is None else self.next_ms
            soonest = min([due, *(one.until_ms for one in self.active)])
            return Look(soonest), replace(self, next_ms=due)
        return self._begin(situation)

    def _watch(self, situation: Situation, waiting: Waiting) -> tuple[Step | Look, Schedule]:
        moment = find(waiting.name).moment
        if moment is None or moment(waiting.views, situation):
            return self._strike(waiting.name, situation, replace(self, waiting=None))
        again = replace(self, waiting=replace(waiting, views=situation.views))
        return Look(situation.now_ms + WATCH_MS), again

    def _begin(self, situation: Situation) -> tuple[Step | Look, Schedule]:
        now = situation.now_ms
        rest = replace(self, next_ms=now + self._pause(situation), waiting=None)
        busy = {find(one.name).channel for one in self.active}
        free = [name for name in self.kinds if find(name).channel not in busy]
        if not free:
            return Look(now), rest
        name = situation.random.choice(free)
        if find(name).moment is not None:
            if not any("role" in view for view in situation.views.values()):
                return Look(now), rest  # nobody leads here, or nobody tells
            patience = Waiting(name, now + PATIENCE_MS * self.stretch, situation.views)
            return Look(now + WATCH_MS), replace(rest, waiting=patience)
        return self._strike(name, situation, rest)

    def _strike(self, name: str, situation: Situation, rest: Mix) -> tuple[Step | Look, Schedule]:
        begun = find(name).begin(situation)
        if begun is None:
            return Look(situation.now_ms), rest
        first, *others = begun if isinstance(begun, tuple) else (begun,)
        lasting = situation.random.choice(LASTING_MS) * situation.random.random() * self.stretch
        active = Active(name, first, situation.now_ms + lasting)
        return Step(situation.now_ms, first), replace(rest, active=(*rest.active, active), due=tuple(others))

    def _pause(self, situation: Situation) -> float:
        return situation.random.expovariate(1.0) * PAUSE_MS * self.stretch
