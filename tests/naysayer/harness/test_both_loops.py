"""The same behaviour of a cluster gets the same verdict in virtual time and on trio: only the core decides.

Each behaviour is a node that runs in the simulator and, unchanged, in a cluster on trio whose clock jumps ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import trio
import trio.testing

from naysayer.findings import with_findings
from naysayer.harness.core import Core
from naysayer.harness.setup import Setup
from naysayer.judge import judge
from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from naysayer.virtual import VirtualRun
from nemesis.schedule import Schedule, Situation, Step
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Fault, Heal, Kill, Restart, Skew
from targets.protocol.node import Context, Message, NodeId, Request, Timer
from targets.protocol.target import Target
from tests.naysayer.harness.on_trio import OnTrio
from workloads.registry import find as find_workload

NODES: tuple[NodeId, ...] = ("n1", "n2", "n3")


class Store:
    """What all nodes of a run share: a register that cannot go wrong. So only life and death are judged."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        self.starts: dict[NodeId, int] = {}
        self.asked = 0


class Good:
    """Answers every request."""

    store: Store

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.store.starts[ctx.me] = self.store.starts.get(ctx.me, 0) + 1
        self.first = self.store.starts[ctx.me] == 1
        self.since_ms = ctx.now_ms()

    def receive(self, sender: NodeId, message: Message) -> None:
        assert isinstance(message, Request)
        self.store.asked += 1
        if self.serves(message):
            if message.f == "write":
                self.store.values[message.key] = message.input
            self.ctx.reply(message, self.store.values.get(message.key) if message.f == "read" else None)

    def serves(self, request: Request) -> bool:
        return True

    def timeout(self, timer: Timer) -> None:
        raise AssertionError("no timer was set")

    def view(self) -> dict[str, Any]:
        return {}


class DeadAfterRestart(Good):
    """Hangs in its second life."""

    def serves(self, request: Request) -> bool:
        return self.first


class NeedsItsClock(Good):
    """Does not answer while its clock is wrong: it must be right again before it is judged."""

    true_ms: Callable[[], float]

    def serves(self, request: Request) -> bool:
        return abs(self.ctx.now_ms() - type(self).true_ms()) < 500


class SlowStart(Good):
    """Needs 4 s after a restart."""

    def serves(self, request: Request) -> bool:
        return self.first or self.ctx.now_ms() - self.since_ms > 4000


class Refusing(Good):
    """Refuses everything in its second life: it is there, and does nothing."""

    def serves(self, request: Request) -> bool:
        if not self.first:
            self.ctx.fail(request, "no leader")
        return self.first


class HalfAnswering(Good):
    """Answers every other request."""

    def serves(self, request: Request) -> bool:
        return self.store.asked % 2 == 0


class Raising(Good):
    """Breaks at its 40th request, whichever node has it."""

    def serves(self, request: Request) -> bool:
        if self.store.asked >= 40:
            raise KeyError("no such lamp")
        return True


@dataclass(frozen=True)
class Faults:
    """Faults at their times."""

    left: tuple[tuple[float, Fault], ...]

    def next(self, situation: Situation) -> tuple[Step | None, Schedule]:
        if not self.left:
            return None, self
        return Step(*self.left[0]), Faults(self.left[1:])


KILLED: tuple[tuple[float, Fault], ...] = ((300.0, Kill(NODES)), (400.0, Restart(NODES)))
LEFT_DOWN: tuple[tuple[float, Fault], ...] = ((300.0, Kill(NODES)),)
SKEWED: tuple[tuple[float, Fault], ...] = tuple((300.0, Skew(node, 60_000.0)) for node in NODES)

CASES = [
    (Good, (), "valid", []),
    (Good, KILLED, "valid", []),
    (Good, LEFT_DOWN, "valid", []),
    (DeadAfterRestart, KILLED, "invalid", ["not-live"]),
    (DeadAfterRestart, LEFT_DOWN, "invalid", ["not-live"]),
    (DeadAfterRestart, (), "valid", []),
    (NeedsItsClock, SKEWED, "valid", []),
    (SlowStart, LEFT_DOWN, "valid", []),
    (Refusing, LEFT_DOWN, "invalid", ["not-live"]),
    (HalfAnswering, (), "valid", []),
    (HalfAnswering, KILLED, "valid", []),
    (Raising, (), "invalid", ["node-died"]),
]


def setup_of(faults: tuple[tuple[float, Fault], ...]) -> Setup:
    workload = find_workload("register")
    return Setup(
        clients=4,
        seed=1,
        generator=workload.start(),
        schedule=Faults(faults),
        timeout_ms=200.0,
        timeout_ms_max=200.0,
        think_ms=15.0,
        time_ms=700.0,
        recovery_ms_max=10_000.0,
        final=workload.finish,
    )


def verdict(core: Core, recorder: Recorder) -> tuple[str, list[str]]:
    """The outcome, and the kinds of what was found beside the history."""
    judged = with_findings(judge(recorder.history(), "register"), core.health.findings)
    return judged.outcome, sorted({one.kind for one in core.health.findings})


def in_virtual_time(make: type[Good], setup: Setup) -> tuple[str, list[str]]:
    target = Target("scripted", "", make, frozenset({"read", "write"}), "register", ())
    cluster = SimulatedCluster(target, len(NODES), 1)
    if issubclass(make, NeedsItsClock):
        make.true_ms = lambda: cluster.now_ms
    recorder = Recorder()
    run = VirtualRun(cluster, replace(setup, virtual=True), recorder)
    run.run()
    return verdict(run.core, recorder)


def on_trio(make: type[Good], setup: Setup) -> tuple[str, list[str]]:
    recorder = Recorder()
    cluster = OnTrio(make, len(NODES))
    run = LiveRun(cluster, setup, recorder)
    if issubclass(make, NeedsItsClock):
        make.true_ms = lambda: trio.current_time() * 1000 - cluster.began_ms

    async def main() -> None:
        async with cluster:
            await cluster.start()
            await run.run()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert run.trouble is None
    return verdict(run.core, recorder)


@pytest.mark.parametrize(("behaviour", "faults", "outcome", "kinds"), CASES)
@pytest.mark.parametrize("loop", [in_virtual_time, on_trio])
@pytest.mark.slow
def test_the_verdict_is_that_of_the_behaviour_and_not_of_the_loop(
    loop: Callable[[type[Good], Setup], tuple[str, list[str]]],
    behaviour: type[Good],
    faults: tuple[tuple[float, Fault], ...],
    outcome: str,
    kinds: list[str],
) -> None:
    made = type(behaviour.__name__, (behaviour,), {"store": Store()})
    assert loop(made, setup_of(faults)) == (outcome, kinds)


class NeedsTheFirst(Good):
    """Does not answer while n1 is down, as a store whose leader is for life."""

    def serves(self, request: Request) -> bool:
        return self.ctx.now_ms() < 300 or self.store.starts["n1"] > 1


@pytest.mark.parametrize("loop", [in_virtual_time, on_trio])
@pytest.mark.parametrize(("promised", "expected"), [(True, ("invalid", ["not-live"])), (False, ("valid", []))])
def test_a_majority_without_faults_that_gets_nothing_done_is_a_violation_where_progress_is_promised(
    loop: Callable[[type[Good], Setup], tuple[str, list[str]]], promised: bool, expected: tuple[str, list[str]]
) -> None:
    setup = replace(setup_of(((300.0, Kill(("n1",))),)), progress_ms=600.0, known_to_fit=promised)
    assert loop(type("Made", (NeedsTheFirst,), {"store": Store()}), setup) == expected


def test_where_progress_may_not_be_promised_a_remark_says_what_was_seen() -> None:
    target = Target("scripted", "", type("Made", (NeedsTheFirst,), {"store": Store()}), frozenset(), "register", ())
    setup = replace(setup_of(((300.0, Kill(("n1",))),)), progress_ms=600.0)
    run = VirtualRun(SimulatedCluster(target, len(NODES), 1), setup, Recorder())
    run.run()
    [remark] = run.core.health.remarks
    assert remark.startswith("the majority n2 n3 runs, connected both ways, and of ")
    assert remark.endswith("none succeeded, while n1 does not run: a system that promises progress has a fault")


def test_a_run_that_a_violation_ended_is_healed_and_not_asked_for_more() -> None:
    """No recovery phase and no final reads: what is wrong is known."""
    recorder = Recorder()
    cluster = OnTrio(type("Good", (Good,), {"store": Store()}), len(NODES))
    run = LiveRun(cluster, replace(setup_of(((100.0, Kill(("n2",))),)), heal_when_stopped=True), recorder)

    async def main() -> None:
        async with cluster, trio.open_nursery() as nursery:
            await cluster.start()
            nursery.start_soon(run.run)
            await trio.sleep(0.3)
            run.core.violation_proved()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [fault for _, fault in recorder.nemesis] == [Kill(("n2",)), Heal(), Restart(("n2",))]
    assert recorder.last_round is None
    assert max(op.call for op in recorder.history()) <= 300_000_000
    assert not run.core.health.findings
