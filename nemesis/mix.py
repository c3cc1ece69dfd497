"""The usual schedule: faults of some kinds begin and end at random, several at once; any may outlive others.

A directed kind that is chosen does not begin at once, but when its trigger fires, such as when the leader's log has
just grown, and it may be injected several times in a row: a failure that needs several aligned events is rarely met by
chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from nemesis.catalog import LEADER
from nemesis.directed import Trigger, leadership
from nemesis.kind import FaultKind, faults_of
from nemesis.named import find
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.fault import KILLED, PAUSED, Condition, Fault
from targets.protocol.fault_base import LINKS
from targets.protocol.node import NodeId

LASTING_MS = (20.0, 150.0, 600.0, 2000.0)
"""Scales of how long a fault lasts: shorter than an election, about one, longer than several."""

PAUSE_MS = 60.0
"""Mean time between two beginnings."""

PATIENCE_MS = 400.0
"""How long a directed fault waits for its trigger before another fault gets its turn."""

SUCCESSION_MS = 1000.0
"""How long a series waits for the next leader: an election or two."""


LIFE = "life"
"""The channel of faults that end processes."""

OVERLAP = 0.3
"""How often a fault may begin although another of its channel is in force: two cuts, two skewed clocks. More often, and
little works long enough to go wrong."""

SEPARATE = frozenset({"net", LIFE, "pause", "clock"})
"""The channels whose faults can be ended separately. What is held back on links is released on all of them at once, and
members are changed one at a time, or a correct system refuses."""


def rest_for(interval_s: float, stretch: float) -> float:
    """The `rest` of a Mix with this mean time between two beginnings."""
    return interval_s * 1000 / (PAUSE_MS * stretch)


class Active(msgspec.Struct, frozen=True):
    """A fault in force, until `until_ms`."""

    kind: FaultKind
    faults: tuple[Fault, ...]
    """Several where it consists of several; the first is the one that its kind ends."""
    until_ms: float

    @property
    def in_force(self) -> frozenset[Condition]:
        """What they have begun and not ended themselves."""
        found: frozenset[Condition] = frozenset()
        for fault in self.faults:
            found = (found - fault.ends()) | fault.begins()
        return found


class Armed(msgspec.Struct, frozen=True):
    """A directed fault that waits for its trigger, at most until `until_ms`."""

    kind: FaultKind
    until_ms: float
    trigger: Trigger
    views: dict[NodeId, dict[str, Any]]
    """The views of the nodes at the last poll."""
    rounds: int = 1
    """How often it is still to be injected."""
    last: tuple[int, NodeId] | None = None
    """The leadership (term, leader) at the last injection: a series injects one fault into each."""

    def has_hit(self, situation: Situation) -> bool:
        """Whether the last injection was into this leadership; False where no node leads."""
        return self.last is not None and self.last == leadership(situation)


class Mix(msgspec.Struct, frozen=True):
    """A schedule of the named kinds. `stretch` multiplies all times: 1 in the simulator, more where time is real."""

    kinds: tuple[str, ...]
    stretch: float = 1.0
    rest: float = 1.0
    """Multiplies the pauses between faults alone: more than 1 leaves the system more time without any."""
    next_ms: float | None = None
    active: tuple[Active, ...] = ()
    due: tuple[Fault, ...] = ()
    """What still has to be injected to begin or to end a fault."""
    restarting_ms: float | None = None
    """When killed nodes began to be started again, until they are up."""
    up_until_ms: float = 0.0
    """No node is killed before: a node that takes seconds to start is up for at least as long as its start took."""
    armed: tuple[Armed, ...] = ()
    """At most one in each channel; an earlier fault of the same series may be in force meanwhile."""

    @property
    def needs_views(self) -> bool:
        return any(find(name).needs_views for name in self.kinds)

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        if not self.kinds:
            return None, self
        now = situation.now_ms
        if self.due:
            return Step(now, self.due[0]), replace(self, due=self.due[1:])
        if self.restarting_ms is not None:
            up_until_ms = max(self.up_until_ms, now + (now - self.restarting_ms))
            return replace(self, restarting_ms=None, up_until_ms=up_until_ms).next(situation)
        for one in self.active:
            if one.until_ms <= now:
                others = tuple(other for other in self.active if other is not one)
                restarting_ms = now if one.kind.channel == LIFE else None
                ending = _end(one, others, situation)
                return replace(self, active=others, due=ending, restarting_ms=restarting_ms).next(situation)
        for wait in self.armed:
            if now >= wait.until_ms:
                return self._without(wait).next(situation)
            if wait.trigger(wait.views, situation) and not wait.has_hit(situation):
                return self._without(wait)._triggered(wait, situation)
        if self.next_ms is not None and now >= self.next_ms:
            return self._begin(situation)
        due = now + self._pause(situation) if self.next_ms is None else self.next_ms
        again = tuple([replace(wait, views=situation.views) for wait in self.armed])
        soonest = min([due, *[one.until_ms for one in self.active]])
        watching = min([wait.until_ms for wait in again]) if again else None
        return Poll(soonest, watching), replace(self, next_ms=due, armed=again)

    def _without(self, wait: Armed) -> Mix:
        return replace(self, armed=tuple(other for other in self.armed if other is not wait))

    def _triggered(self, wait: Armed, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        """The trigger has fired: inject, in place of the fault before, and arm the next if there are more rounds."""
        kind, situation = wait.kind, replace(situation, before=wait.views)
        rest = replace(self, active=tuple(one for one in self.active if one.kind is not kind))
        if wait.rounds == 1:
            return rest._inject(kind, situation)
        following = self._arm(kind, situation, SUCCESSION_MS, wait.rounds - 1)
        following = replace(following, last=leadership(situation))
        rest = replace(rest, armed=(*rest.armed, following))
        return rest._inject(kind, situation, following.until_ms - situation.now_ms)

    def _arm(self, kind: FaultKind, situation: Situation, patience_ms: float, rounds: int) -> Armed:
        trigger = situation.random.choice(kind.triggers)
        until_ms = situation.now_ms + patience_ms * self.stretch
        return Armed(kind, until_ms, trigger, situation.views, rounds)

    def _begin(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        now = situation.now_ms
        rest = replace(self, next_ms=now + self._pause(situation))
        busy = {one.kind.channel for one in self.active}
        if busy and situation.random.random() < OVERLAP and situation.down < set(situation.nodes):
            busy -= SEPARATE
        busy |= {wait.kind.channel for wait in self.armed} | ({LIFE} if now < self.up_until_ms else set())
        free = [kind for kind in map(find, self.kinds) if kind.channel not in busy]
        if not free:
            return rest.next(situation)
        kind = situation.random.choice(free)
        if not kind.triggers:
            return rest._inject(kind, situation)
        if any("role" in view for view in situation.views.values()) or not kind.needs & LEADER:
            wait = self._arm(kind, situation, PATIENCE_MS, situation.random.choice(kind.rounds))
            rest = replace(rest, armed=(*rest.armed, wait))
        return rest.next(situation)  # no node leads, or the views do not say: no trigger would fire

    def _inject(
        self, kind: FaultKind, situation: Situation, lasting_ms: float | None = None
    ) -> tuple[Step | Poll | None, Schedule]:
        """Begin a fault, for a random time unless one is given."""
        begun = faults_of(kind.begin(situation))
        if not begun:
            return self.next(situation)
        if lasting_ms is None:
            lasting_ms = situation.random.choice(LASTING_MS) * situation.random.random() * self.stretch
        active = Active(kind, begun, situation.now_ms + lasting_ms)
        due = _with_links_of(self.active, begun)[1:]
        return Step(situation.now_ms, begun[0]), replace(self, active=(*self.active, active), due=due)

    def _pause(self, situation: Situation) -> float:
        return situation.random.expovariate(1.0) * PAUSE_MS * self.stretch * self.rest


def _end(one: Active, others: Sequence[Active], situation: Situation) -> tuple[Fault, ...]:
    """What ends a fault and leaves the others in force."""
    kept = frozenset[Condition]().union(*(other.in_force for other in others))
    down = situation.down - {where for what, where in kept if what == KILLED}
    paused = situation.paused - {where for what, where in kept if what == PAUSED}
    ending = one.kind.end(replace(situation, down=down, paused=paused), one.faults[0])
    left = [fault for fault in ending if not fault.ends() or LINKS in fault.ends() or fault.ends() - kept]
    return _with_links_of(others, left)


def _with_links_of(others: Sequence[Active], faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """These faults. If one of them heals, all links are healed: what the others do to links begins again."""
    if not any(fault.only_ends and LINKS in fault.ends() for fault in faults):
        return tuple(faults)
    return (*faults, *(fault for other in others for fault in other.faults if LINKS in fault.begins()))
