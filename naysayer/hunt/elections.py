"""Election-relative replay: a scenario under other message delays, aimed at the nodes that lead then.

A failure that takes several elections depends on which node wins each of them, and when. Without an early fault, or
under other delays of messages, every later fault hits the wrong node at the wrong time. So each fault and operation is
timed relative to the one before it, or to the election of a new leader, and nodes are mapped: where a leader was meant,
the node that leads now takes its place. What happened in such a run is a scenario of its own, with times and nodes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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

POLL_MS = 2.0
"""How often the nodes are polled for their leader where some ms matter..."""

SLOW_POLL_MS = 10.0
"""...and where they do not."""

DUE_MS = 0.1
"""How soon after the time of its operation a client invokes it, if that time was known."""

ELECTION_MS = 300.0
"""How much longer than it had taken an election is waited for: about one more."""

Leadership = tuple[int, NodeId] | None
"""The highest term in which a node says that it leads, and that node."""

Timeline = Sequence[tuple[float, Leadership]]
"""The leaders of a run, each with the time (ms) from which on it leads."""


class RelativeItem(NamedTuple):
    """What happens, and when: `gap_ms` after the item before, or `since_ms` after a new leader (None: no new one)."""

    item: Timed
    gap_ms: float
    leader: NodeId | None
    since_ms: float | None


@dataclass
class _Recording:
    """The schedule of a scenario; records the leaders."""

    faults: Schedule
    step: Step | Poll | None = None
    timeline: list[tuple[float, Leadership]] = field(default_factory=list)

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        leads = leadership(situation)
        if not self.timeline or self.timeline[-1][1] != leads:
            self.timeline.append((situation.now_ms, leads))
        if self.step is None:
            self.step, self.faults = self.faults.next(situation)
        following_ms = situation.now_ms + POLL_MS
        if self.step is None or self.step.at_ms > following_ms:
            return Poll(following_ms), self
        step, self.step = self.step, None
        return step, self


def leader_timeline(scenario: Scenario, until_ms: float) -> Timeline:
    """The leaders in a run of the scenario."""
    ordered = scenario.of(scenario.items)
    recording = _Recording(FaultScript(ordered.faults))
    staged(ordered, Recorder(), recording, OperationScript.of(ordered), Probe(until_ms=until_ms)).run()
    return recording.timeline


def relative(items: Iterable[Timed], timeline: Timeline) -> list[RelativeItem]:
    """Items (in order of time), each relative to the one before it or to an election."""
    found, before_ms = [], 0.0
    times = [at_ms for at_ms, _ in timeline]
    for item in items:
        since_ms, leads = timeline[max(0, bisect_right(times, item.at_ms) - 1)]
        leader = None if leads is None else leads[1]
        fresh = leader is not None and since_ms > before_ms
        found.append(RelativeItem(item, item.at_ms - before_ms, leader, item.at_ms - since_ms if fresh else None))
        before_ms = item.at_ms
    return found


def _poll_ms(item: RelativeItem) -> float:
    if item.since_ms is None:
        return float("inf")
    return POLL_MS if item.since_ms < SLOW_POLL_MS else SLOW_POLL_MS


@dataclass
class RelativeFaults:
    """The schedule of an election-relative replay; it also releases operations for `_RelativeOperations`."""

    left: deque[RelativeItem]
    node_mapping: dict[NodeId, NodeId]
    """By node of the scenario, the node that takes its place."""
    operations: dict[int, deque[TimedOperation]] = field(default_factory=dict)
    """By client, the operations that it may invoke now."""
    last_ms: float = 0.0
    leads: Leadership = None
    elected_ms: float | None = None
    """When another leader than at the last item was first seen."""

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        now_ms = situation.now_ms
        while self.left:
            following = self.left[0]
            due_ms = self._due_ms(following, situation)
            if due_ms > now_ms + 0.01:
                return Poll(min(due_ms, now_ms + _poll_ms(following))), self
            self.left.popleft()
            self.last_ms, self.elected_ms, self.leads = now_ms, None, leadership(situation)
            if following.leader is not None and self.leads is not None:
                self._map(following.leader, self.leads[1])
            if isinstance(following.item, TimedFault):
                fault = following.item.fault.renamed(self.node_mapping)
                assert fault is not None, "the mapping has every node"
                return Step(now_ms, fault), self
            one = following.item
            mapped = replace(one, node=self.node_mapping[one.node])
            self.operations.setdefault(one.client, deque()).append(mapped)
        return None, self

    def _due_ms(self, item: RelativeItem, situation: Situation) -> float:
        if item.since_ms is None:
            return self.last_ms + item.gap_ms
        leads = leadership(situation)
        if leads is not None and leads != self.leads:
            self.leads, self.elected_ms = leads, situation.now_ms
        if self.elected_ms is None:
            return self.last_ms + item.gap_ms + ELECTION_MS
        return self.elected_ms + item.since_ms

    def _map(self, old: NodeId, new: NodeId) -> None:
        """Let `new` take the place of `old`, and the other way round."""
        other = next(name for name, node in self.node_mapping.items() if node == new)
        self.node_mapping[other], self.node_mapping[old] = self.node_mapping[old], new

    def wait_ms(self, client: int, now_ms: float) -> float | None:
        """How long the client can wait before its next operation is due; None if it has none."""
        at_ms, known = self.last_ms, True
        for following in self.left:
            known = known and following.since_ms is None
            at_ms += following.gap_ms if known else 0.0
            if isinstance(following.item, TimedOperation) and following.item.client == client:
                return max(at_ms - now_ms, DUE_MS if known else SLOW_POLL_MS)
        return None


@dataclass(frozen=True)
class _RelativeOperations:
    """The generator of an election-relative replay; its first client stays until `linger_ms` after the last item."""

    schedule: RelativeFaults
    linger_ms: float

    def next(self, turn: Turn) -> tuple[Invocation | Wait | None, Generator]:
        mine = self.schedule.operations.get(turn.client)
        if mine:
            one = mine.popleft()
            return Invocation(one.f, one.key, freeze(one.input), one.node), self
        wait_ms = self.schedule.wait_ms(turn.client, turn.now_ms)
        if wait_ms is None and turn.client == 0:
            left_ms = self.schedule.last_ms + self.linger_ms - turn.now_ms
            wait_ms = max(left_ms, SLOW_POLL_MS) if self.schedule.left or left_ms > 0 else None
        return None if wait_ms is None else Wait(wait_ms), self

    def observe(self, operation: Operation) -> Generator:
        return self


def replayed(
    scenario: Scenario, items: Sequence[RelativeItem], linger_ms: float, until_ms: float, invariants: bool
) -> Scenario | None:
    """Replay the items on the scenario's target under its seed. Returns what happened, if that failed.

    `linger_ms`: how long after the last item it may fail; `invariants`: a violated invariant is enough, and ends the
    run.
    """
    nodes = [f"n{number}" for number in range(1, scenario.nodes + 1)]
    schedule = RelativeFaults(deque(items), dict(zip(nodes, nodes, strict=True)))
    generator = _RelativeOperations(schedule, linger_ms)
    simulation = staged(scenario, Recorder(), schedule, generator, Probe(False, until_ms, invariants))
    run = simulation.run()
    if invariants and not run.violations:
        return None
    if judge_run(run, find_workload(scenario.workload).model, weaker=False, steps=STEPS).outcome != "invalid":
        return None
    operations = [
        TimedOperation(at_ms, client, invoked.f, node, invoked.key, invoked.input)
        for at_ms, client, invoked, node in simulation.asked
    ]
    happened = scenario.of([*(TimedFault(at_ms, fault) for at_ms, fault in run.recorder.nemesis), *operations])
    return replace(happened, end_ms=run.virtual_ms + ELECTION_MS) if scenario.end_ms else happened
