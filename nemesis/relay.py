"""A relay: one directed kind of fault again and again, each time as soon as its trigger fires, for a whole run.

Some failures need several events in a row that each meet a certain node within milliseconds: the leader is cut off when
it has just appended, its successor when it was just elected, the first one again when it has just committed (figure 8
of the Raft paper). Where faults come at random, or of many kinds, that hardly ever happens. So here nothing else
disturbs, the next trigger is armed when the last one has fired, and what a run does it does throughout: how long each
fault lasts, whether the system may recover after it, whether the network is slow.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nemesis import shapes
from nemesis.directed import Trigger, leadership
from nemesis.kind import FaultKind, faults_of
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.fault import Degrade, Fault, Heal, Restart, Resume, Skew
from targets.protocol.node import NodeId

RECOVERY_MS = (10.0, 100.0)
"""Mean time without faults after one of them, where there is any."""

SLOW_MS = (0.0, 0.0, 0.0, 10.0, 30.0)
"""Additional delay of all messages between nodes (mean): on a slow network elections are contested."""

PATIENCE_MS = 800.0
"""How long a trigger is waited for, until the faults in force are ended: some elections."""


class Habit(msgspec.Struct, frozen=True):
    """What a run does throughout."""

    hold_ms: float
    recovers: float
    recovery_ms: float
    slow_ms: float


class Relay(msgspec.Struct, frozen=True):
    """A schedule of one kind of fault (a FaultKind that has `hold_ms`)."""

    kind: Any
    habit: Habit | None = None
    """None: it has not begun."""
    due: tuple[Fault, ...] = ()
    """What is to be injected now."""
    resting_ms: float = 0.0
    """No trigger is armed before."""
    recovers_next: bool = False
    """All faults are ended when this rest is over, and another one begins."""
    trigger: Trigger | None = None
    """None: none is armed."""
    until_ms: float = 0.0
    """How long it is waited for."""
    views: dict[NodeId, dict[str, Any]] = {}
    """The views of the nodes at the last poll."""
    last: tuple[int, NodeId] | None = None
    """The leadership (term, leader) at the last fault."""
    skewed: tuple[NodeId, ...] = ()
    """The nodes whose clocks are wrong."""

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        now, kind = situation.now_ms, self.kind
        if self.habit is None:
            return self._begun(situation, kind).next(situation)
        if self.due:
            return Step(now, self.due[0]), replace(self, due=self.due[1:])
        if self.trigger is None and now < self.resting_ms:
            return Poll(self.resting_ms), self
        if self.trigger is None and self.recovers_next:
            rest_ms = situation.random.expovariate(1.0) * self.habit.recovery_ms
            return self._ended(situation)._resting(now + rest_ms).next(situation)
        if self.trigger is None:
            trigger = situation.random.choice(kind.triggers)
            armed = replace(self, trigger=trigger, until_ms=now + PATIENCE_MS, views=situation.views)
            return Poll(armed.until_ms, armed.until_ms), armed
        if now >= self.until_ms:
            return self._ended(situation)._resting(now).next(situation)
        if self.trigger(self.views, situation) and not self._has_hit(situation, kind):
            return self._fired(situation, kind, self.habit).next(situation)
        return Poll(self.until_ms, self.until_ms), replace(self, views=situation.views)

    def _begun(self, situation: Situation, kind: FaultKind) -> Relay:
        random = situation.random
        habit = Habit(
            random.choice(kind.hold_ms),
            random.choice(kind.recovers),
            random.choice(RECOVERY_MS),
            random.choice(SLOW_MS),
        )
        begun = replace(self, habit=habit)
        return replace(begun, due=begun._slow(situation))

    def _has_hit(self, situation: Situation, kind: FaultKind) -> bool:
        """Whether a fault of leaders was injected into this leadership already."""
        return "leader" in kind.needs and self.last is not None and self.last == leadership(situation)

    def _fired(self, situation: Situation, kind: FaultKind, habit: Habit) -> Relay:
        """The trigger has fired: the fault takes the place of the last one."""
        random = situation.random
        faults = faults_of(kind.begin(replace(situation, before=self.views)))
        rest = self._ended(situation)
        rest = rest._resting(situation.now_ms + random.expovariate(1.0) * habit.hold_ms)
        skewed = tuple(fault.node for fault in faults if isinstance(fault, Skew))
        due = (*rest.due, *(fault for fault in faults if fault != Heal()))
        recovers = random.random() < habit.recovers
        return replace(rest, due=due, recovers_next=recovers, last=leadership(situation), skewed=skewed)

    def _resting(self, until_ms: float) -> Relay:
        return replace(self, trigger=None, recovers_next=False, resting_ms=until_ms)

    def _ended(self, situation: Situation) -> Relay:
        """What ends all faults, except that the network stays slow."""
        ends: list[Fault] = [Heal()]
        if situation.down:
            ends.append(Restart(tuple(sorted(situation.down))))
        if situation.paused:
            ends.append(Resume(tuple(sorted(situation.paused))))
        ends += [Skew(node) for node in self.skewed]
        return replace(self, due=(*ends, *self._slow(situation)), skewed=())

    def _slow(self, situation: Situation) -> tuple[Fault, ...]:
        links = shapes.links(situation.nodes)
        if self.habit is None or not self.habit.slow_ms or not links:
            return ()
        return (Degrade(links, delay_ms=self.habit.slow_ms),)
