"""Recovery: once all faults are healed operations must succeed again within a bound, or the target is not live."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from msgspec import structs

from naysayer import simulate
from naysayer.judge import judge_run
from naysayer.options import RunOptions
from naysayer.plan import Plan, make_plan
from naysayer.recorder import Recorder
from naysayer.simulate import RECOVERY_MS_MAX, RECOVERY_PAUSE_MS, Run, Simulation
from nemesis.schedule import Schedule, Situation, Step
from targets.protocol.fault import Corrupt, Fault, Kill, Reconfigure, Restart
from targets.protocol.node import NodeId, Request, Timer
from targets.protocol.target import Target
from targets.registry import find
from targets.systems.quorum.node import QuorumNode
from workloads.generator import Invocation


class WaitsForEver(QuorumNode):
    """Carries out one operation at a time, and never asks again who was silent: two lost messages are a deadlock."""

    def __init__(self) -> None:
        super().__init__()
        self.locked = False

    def begin(self, request: Request) -> None:
        if not self.locked:
            self.locked = True
            super().begin(request)

    def finish(self, number: int, output: object) -> None:
        self.locked = False
        super().finish(number, output)

    def timeout(self, timer: Timer) -> None:
        pass


PLAN = Plan(
    target="quorum-kv",
    workload="register",
    nemesis=("partition", "loss"),
    nodes=3,
    clients=6,
    seed=3,
    operations=200,
)


def run_as(target: Target, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(simulate, "find_target", lambda name: target)
    return Simulation(PLAN, Recorder()).run()


def test_a_target_that_deadlocks_in_the_storm_is_reported_as_not_live(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_as(replace(find("quorum-kv"), node=WaitsForEver), monkeypatch)
    assert run.recorder.counts["ok"] > 10, "it works until messages are lost"
    assert not run.live
    assert run.virtual_ms <= run.fault_phase_ms + RECOVERY_PAUSE_MS + 2 * RECOVERY_MS_MAX + 1
    verdict = judge_run(run, "register")
    assert (verdict.outcome, verdict.method) == ("invalid", "liveness")
    explanation = verdict.parts[0].explanation
    assert explanation is not None
    assert explanation.sentence.startswith("Not live: all faults were undone")


def test_its_healthy_twin_recovers_from_the_same_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_as(find("quorum-kv"), monkeypatch)
    assert run.live
    assert judge_run(run, "register").outcome == "valid"


@dataclass(frozen=True)
class Strikes:
    """Faults at their times."""

    left: tuple[tuple[float, Fault], ...]

    def next(self, situation: Situation) -> tuple[Step | None, Schedule]:
        if not self.left:
            return None, self
        return Step(*self.left[0]), Strikes(self.left[1:])


def live_after_flips(*nodes: NodeId) -> tuple[bool, frozenset[NodeId]]:
    """Flip a bit in what each of these has stored, restart all; whether the cluster came back, and who did not."""
    everybody = ("n1", "n2", "n3")
    flips = tuple((400.0, Corrupt(node, "bit-flip")) for node in nodes)
    schedule = Strikes((*flips, (401.0, Kill(everybody)), (402.0, Restart(everybody))))
    run = Simulation(structs.replace(PLAN, think_ms=20.0), Recorder(), schedule=schedule).run()
    return run.live, frozenset(everybody) - frozenset(run.views)


def test_who_stops_at_a_damaged_disk_is_right_and_the_others_go_on() -> None:
    assert live_after_flips("n3") == (True, {"n3"})


def test_where_disks_are_damaged_so_that_no_majority_can_run_nobody_is_accused_of_not_being_live() -> None:
    assert live_after_flips("n2", "n3") == (True, {"n2", "n3"})


def test_a_client_that_is_alone_does_not_take_a_follower_for_a_dead_cluster() -> None:
    run = Simulation(make_plan(RunOptions(target="raft-log", nemesis=(), clients=1, operations=30)), Recorder()).run()
    assert run.live
    assert run.recorder.counts["ok"] > 15


def test_clients_who_wait_for_less_than_a_message_takes_do_not_take_a_cluster_for_dead() -> None:
    run = Simulation(structs.replace(PLAN, timeout_ms=1.0), Recorder()).run()
    assert run.live


class Once(Recorder):
    """Refuses two operations of one process at a time."""

    def invoked(self, process: int, invocation: Invocation, node: str | None, time_ns: int) -> None:
        assert process not in self._open
        super().invoked(process, invocation, node, time_ns)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("think_ms", [4.0, 3000.0])
def test_what_clients_do_when_the_time_is_up_is_not_done_twice_at_once(seed: int, think_ms: float) -> None:
    plan = structs.replace(PLAN, nemesis=("kill", "pause"), operations=None, time_s=1.0, seed=seed, think_ms=think_ms)
    recorder = Once()
    run = Simulation(plan, recorder).run()
    assert run.live
    began = [op.call for op in recorder.history() if op.call > run.fault_phase_ms * 1e6]
    assert min(began) >= (run.fault_phase_ms + RECOVERY_PAUSE_MS) * 1e6, "no client invokes anything during the pause"


def test_where_the_members_have_become_few_a_majority_of_these_counts() -> None:
    """Of three n2 was left out; then n1 alone cannot go on without n3, whose disk is damaged."""
    everybody = ("n1", "n2", "n3")
    asked = [(300.0 + 20 * number, Reconfigure(("n1", "n3"))) for number in range(10)]
    late = (900.0, Corrupt("n3", "bit-flip")), (901.0, Kill(everybody)), (902.0, Restart(everybody))
    plan = Plan("raft-log", "register", (), 3, 6, 1, 200, think_ms=40.0)
    run = Simulation(plan, Recorder(), schedule=Strikes((*asked, *late))).run()
    assert "n3" not in run.views
    assert run.views["n1"]["configuration"] == ["n1", "n3"]
    assert run.live
