"""A scenario told again: the same things in the same order to whoever plays the same part, under other delays.

What takes several elections to go wrong hangs on who wins each of them, and when. Leave out an early fault, or change
the delays of messages, and every later fault strikes the wrong node at the wrong time. So faults and operations are
read as cues: so long after the one before, or so long after a new leader was elected; and where somebody led, who
leads now plays that part. What happened in such a run is a scenario of its own, which says again who and when.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from checker.history import Operation, freeze
from naysayer.hunt.campaign import STEPS
from naysayer.judge import judge_run
from naysayer.play.timed import FaultScript, OperationScript, Scenario, Timed, TimedFault, TimedOperation, staged
from naysayer.recorder import Recorder
from naysayer.simulate import Probe
from nemesis.directed import leadership
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.node import NodeId
from workloads.generator import Generator, Invocation, Turn, Wait
from workloads.registry import find as find_workload

LOOK_MS = 2.0
"""How often it is looked who leads, if that matters to some ms..."""

GLANCE_MS = 10.0
"""...and if it does not."""

PROMPT_MS = 0.1
"""How soon after its cue a client asks, if the time was known."""

SHARES = (1.0, 1.0, 0.3)
"""What hurrying may leave of the time between two cues."""

PATIENCE_MS = 300.0
"""How much longer than it had taken an election is waited for: about one more."""

Claim = tuple[int, NodeId] | None
"""The highest term in which somebody says that it leads, and who."""

Claims = Sequence[tuple[float, Claim]]
"""From which time (ms) on who leads."""


class Cue(NamedTuple):
    """What happens, and when: `gap_ms` after the one before, or `since_ms` after a new leader (None: no new one)."""

    item: Timed
    gap_ms: float
    leader: NodeId | None
    since_ms: float | None


@dataclass
class _Watch:
    """The schedule of a scenario, which notes who leads."""

    faults: Schedule
    step: Step | Poll | None = None
    claims: list[tuple[float, Claim]] = field(default_factory=list)

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        claim = leadership(situation)
        if not self.claims or self.claims[-1][1] != claim:
            self.claims.append((situation.now_ms, claim))
        if self.step is None:
            self.step, self.faults = self.faults.next(situation)
        following_ms = situation.now_ms + LOOK_MS
        if self.step is None or self.step.at_ms > following_ms:
            return Poll(following_ms), self
        step, self.step = self.step, None
        return step, self


def claims(scenario: Scenario, until_ms: float) -> Claims:
    """Who leads in a run of the scenario."""
    ordered = scenario.of(scenario.items)
    watch = _Watch(FaultScript(ordered.faults))
    staged(ordered, Recorder(), watch, OperationScript.of(ordered), Probe(until_ms=until_ms)).run()
    return watch.claims


def cues(items: Iterable[Timed], claims: Claims) -> list[Cue]:
    """Items (in order of time) as cues."""
    told, before_ms = [], 0.0
    times = [at_ms for at_ms, _ in claims]
    for item in items:
        since_ms, claim = claims[max(0, bisect_right(times, item.at_ms) - 1)]
        leader = None if claim is None else claim[1]
        fresh = leader is not None and since_ms > before_ms
        told.append(Cue(item, item.at_ms - before_ms, leader, item.at_ms - since_ms if fresh else None))
        before_ms = item.at_ms
    return told


def hurried(cues: Sequence[Cue], random: Random) -> list[Cue]:
    """The same, some of them sooner after the one before."""
    return [cue._replace(gap_ms=cue.gap_ms * random.choice(SHARES)) for cue in cues]


def _patience_ms(cue: Cue) -> float:
    """When to look again."""
    if cue.since_ms is None:
        return float("inf")
    return LOOK_MS if cue.since_ms < GLANCE_MS else GLANCE_MS


@dataclass
class Telling:
    """The schedule that gives the cues; what clients are to ask it leaves to `_Speaker`."""

    left: deque[Cue]
    cast: dict[NodeId, NodeId]
    """Who plays the part of each node."""
    operations: dict[int, deque[TimedOperation]] = field(default_factory=dict)
    """By client, what it may ask now."""
    last_ms: float = 0.0
    claim: Claim = None
    elected_ms: float | None = None
    """When somebody else was seen to lead than at the last cue."""

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        now_ms = situation.now_ms
        while self.left:
            cue = self.left[0]
            due_ms = self._due_ms(cue, situation)
            if due_ms > now_ms + 0.01:
                return Poll(min(due_ms, now_ms + _patience_ms(cue))), self
            self.left.popleft()
            self.last_ms, self.elected_ms, self.claim = now_ms, None, leadership(situation)
            if cue.leader is not None and self.claim is not None:
                self._swap(cue.leader, self.claim[1])
            if isinstance(cue.item, TimedFault):
                fault = cue.item.fault.renamed(self.cast)
                assert fault is not None, "everybody stays"
                return Step(now_ms, fault), self
            ask = cue.item
            self.operations.setdefault(ask.client, deque()).append(replace(ask, node=self.cast[ask.node]))
        return None, self

    def _due_ms(self, cue: Cue, situation: Situation) -> float:
        if cue.since_ms is None:
            return self.last_ms + cue.gap_ms
        claim = leadership(situation)
        if claim is not None and claim != self.claim:
            self.claim, self.elected_ms = claim, situation.now_ms
        if self.elected_ms is None:
            return self.last_ms + cue.gap_ms + PATIENCE_MS
        return self.elected_ms + cue.since_ms

    def _swap(self, part: NodeId, player: NodeId) -> None:
        other = next(name for name, who in self.cast.items() if who == player)
        self.cast[other], self.cast[part] = self.cast[part], player

    def wait_ms(self, client: int, now_ms: float) -> float | None:
        """How long the client need not ask for its next cue; None if it has none."""
        at_ms, sure = self.last_ms, True
        for cue in self.left:
            sure = sure and cue.since_ms is None
            at_ms += cue.gap_ms if sure else 0.0
            if isinstance(cue.item, TimedOperation) and cue.item.client == client:
                return max(at_ms - now_ms, PROMPT_MS if sure else GLANCE_MS)
        return None


@dataclass(frozen=True)
class _Speaker:
    """The generator of a telling: clients wait for their cues, and the first until `linger_ms` after the last one."""

    telling: Telling
    linger_ms: float

    def next(self, turn: Turn) -> tuple[Invocation | Wait | None, Generator]:
        mine = self.telling.operations.get(turn.client)
        if mine:
            ask = mine.popleft()
            return Invocation(ask.f, ask.key, freeze(ask.input), ask.node), self
        wait_ms = self.telling.wait_ms(turn.client, turn.now_ms)
        if wait_ms is None and turn.client == 0:
            left_ms = self.telling.last_ms + self.linger_ms - turn.now_ms
            wait_ms = max(left_ms, GLANCE_MS) if self.telling.left or left_ms > 0 else None
        return None if wait_ms is None else Wait(wait_ms), self

    def observe(self, operation: Operation) -> Generator:
        return self


def told(scenario: Scenario, cues: Sequence[Cue], linger_ms: float, until_ms: float, blind: bool) -> Scenario | None:
    """Give the cues to the scenario's target under its seed: what happened, if it failed.

    `linger_ms`: how long after the last cue it may fail; `blind`: a broken invariant is enough, and ends the run.
    """
    nodes = [f"n{number}" for number in range(1, scenario.nodes + 1)]
    telling = Telling(deque(cues), dict(zip(nodes, nodes, strict=True)))
    speaker = _Speaker(telling, linger_ms)
    stage = staged(scenario, Recorder(), telling, speaker, Probe(until_ms=until_ms, until_violation=blind))
    run = stage.run()
    if blind and not run.violations:
        return None
    if judge_run(run, find_workload(scenario.workload).model, weaker=False, steps=STEPS).outcome != "invalid":
        return None
    asks = [
        TimedOperation(at_ms, client, asked.f, node, asked.key, asked.input)
        for at_ms, client, asked, node in stage.asked
    ]
    happened = scenario.of([*(TimedFault(at_ms, fault) for at_ms, fault in run.recorder.nemesis), *asks])
    return replace(happened, end_ms=run.virtual_ms + PATIENCE_MS) if scenario.end_ms else happened
