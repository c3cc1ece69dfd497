"""The usual schedule: faults of some kinds come and go at random, never two of one channel at once.

A directed kind does not begin when it is drawn, but at the next moment of its own, such as just after the leader's log
grew, and may strike several times in a row: what needs several aligned events to go wrong is rarely met by chance.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nemesis.catalog import Kind, find
from nemesis.directed import Trigger, leadership
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId

LASTING_MS = (20.0, 150.0, 600.0, 2000.0)
"""Scales of how long a fault lasts: shorter than an election, about one, longer than several."""

PAUSE_MS = 60.0
"""Mean time between two beginnings."""

PATIENCE_MS = 400.0
"""How long it looks, before another fault gets its turn."""

SUCCESSION_MS = 1000.0
"""How long it looks for the next leader to strike at: an election or two."""


class Active(msgspec.Struct, frozen=True):
    """A fault in force, until `until_ms`."""

    kind: Kind
    fault: Fault
    until_ms: float


class Waiting(msgspec.Struct, frozen=True):
    """A directed fault that waits for its moment, at most until `until_ms`."""

    kind: Kind
    until_ms: float
    moment: Trigger
    views: dict[NodeId, dict[str, Any]]
    """What the nodes told of themselves when it last looked."""
    rounds: int = 1
    """How often it is still to strike."""
    struck: tuple[int, NodeId] | None = None
    """The leadership (term, leader) that it struck at last: a series strikes at each but once."""

    def has_struck(self, situation: Situation) -> bool:
        """Whether this leadership is the one it struck at last; where nobody leads there is none to spare."""
        return self.struck is not None and self.struck == leadership(situation)


class Mix(msgspec.Struct, frozen=True):
    """A schedule of the named kinds. `stretch` multiplies all times: 1 in the simulator, more where time is real."""

    kinds: tuple[str, ...]
    stretch: float = 1.0
    rest: float = 1.0
    """Multiplies the pauses between faults alone: more than 1 leaves the system more time without any."""
    next_ms: float | None = None
    active: tuple[Active, ...] = ()
    due: tuple[Fault, ...] = ()
    """What the end of a fault asks for and is not carried out yet."""
    waiting: tuple[Waiting, ...] = ()
    """At most one in each channel; an earlier strike of the same series may be in force meanwhile."""

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        if not self.kinds:
            return None, self
        now = situation.now_ms
        if self.due:
            return Step(now, self.due[0]), replace(self, due=self.due[1:])
        for one in self.active:
            if one.until_ms <= now:
                others = tuple(other for other in self.active if other is not one)
                return replace(self, active=others, due=one.kind.end(situation, one.fault)).next(situation)
        for wait in self.waiting:
            if now >= wait.until_ms:
                return self._without(wait).next(situation)
            if wait.moment(wait.views, situation) and not wait.has_struck(situation):
                return self._without(wait)._seize(wait, situation)
        if self.next_ms is not None and now >= self.next_ms:
            return self._begin(situation)
        due = now + self._pause(situation) if self.next_ms is None else self.next_ms
        again = tuple([replace(wait, views=situation.views) for wait in self.waiting])
        soonest = min([due, *[one.until_ms for one in self.active]])
        watching = min([wait.until_ms for wait in again]) if again else None
        return Poll(soonest, watching), replace(self, next_ms=due, waiting=again)

    def _without(self, wait: Waiting) -> Mix:
        return replace(self, waiting=tuple(other for other in self.waiting if other is not wait))

    def _seize(self, wait: Waiting, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        """The moment has come: strike in place of the strike before, and wait for the next if there are more rounds."""
        kind = wait.kind
        rest = replace(self, active=tuple(one for one in self.active if one.kind is not kind))
        if wait.rounds == 1:
            return rest._strike(kind, situation)
        following = self._await(kind, situation, SUCCESSION_MS, wait.rounds - 1)
        following = replace(following, struck=leadership(situation))
        rest = replace(rest, waiting=(*rest.waiting, following))
        return rest._strike(kind, situation, following.until_ms - situation.now_ms)

    def _await(self, kind: Kind, situation: Situation, patience_ms: float, rounds: int) -> Waiting:
        moment = situation.random.choice(kind.triggers)
        until_ms = situation.now_ms + patience_ms * self.stretch
        return Waiting(kind, until_ms, moment, situation.views, rounds)

    def _begin(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        now = situation.now_ms
        rest = replace(self, next_ms=now + self._pause(situation))
        begun = [one.kind for one in self.active] + [wait.kind for wait in self.waiting]
        busy = {kind.channel for kind in begun}
        free = [kind for kind in map(find, self.kinds) if kind.channel not in busy]
        if not free:
            return rest.next(situation)
        kind = situation.random.choice(free)
        if not kind.triggers:
            return rest._strike(kind, situation)
        if any("role" in view for view in situation.views.values()):
            wait = self._await(kind, situation, PATIENCE_MS, situation.random.choice(kind.rounds))
            rest = replace(rest, waiting=(*rest.waiting, wait))
        return rest.next(situation)  # nobody leads here, or nobody tells: no moment would come

    def _strike(
        self, kind: Kind, situation: Situation, lasting_ms: float | None = None
    ) -> tuple[Step | Poll | None, Schedule]:
        """Begin a fault; how long it lasts is drawn unless given."""
        begun = kind.begin(situation)
        if begun is None:
            return self.next(situation)
        first, *others = begun if isinstance(begun, tuple) else (begun,)
        if lasting_ms is None:
            lasting_ms = situation.random.choice(LASTING_MS) * situation.random.random() * self.stretch
        active = Active(kind, first, situation.now_ms + lasting_ms)
        return Step(situation.now_ms, first), replace(self, active=(*self.active, active), due=tuple(others))

    def _pause(self, situation: Situation) -> float:
        return situation.random.expovariate(1.0) * PAUSE_MS * self.stretch * self.rest
