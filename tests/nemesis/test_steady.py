"""One fault that lasts as long as the run."""

from __future__ import annotations

from random import Random

import pytest

from naysayer.hunt.swarm import LASTING, draw
from naysayer.judge import judge_run
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.simulate import Simulation
from nemesis.catalog import KINDS
from nemesis.named import find, schedule_of
from nemesis.schedule import Poll, Situation, Step
from nemesis.steady import Steady
from targets.protocol.fault import Cut, Kill
from targets.registry import find as find_target

NODES = ("n1", "n2", "n3")


def test_one_fault_begins_and_is_not_ended() -> None:
    schedule, random, now_ms, faults = schedule_of(("one-way:steady",)), Random(1), 0.0, []
    assert schedule is not None
    while True:
        step, schedule = schedule.next(Situation(now_ms, NODES, random))
        if step is None:
            break
        if isinstance(step, Step):
            faults.append(step.fault)
        else:
            now_ms = step.next_ms(now_ms)
    assert len(faults) == 1
    assert isinstance(faults[0], Cut)
    assert now_ms > 0


def test_a_fault_of_a_leader_waits_for_one() -> None:
    random = Random(1)
    _, schedule = Steady(find("kill-leader")).next(Situation(0.0, NODES, random))
    step, schedule = schedule.next(Situation(10_000.0, NODES, random))
    assert isinstance(step, Poll)
    views = {node: {"role": "leader" if node == "n2" else "follower", "term": 1} for node in NODES}
    step, _ = schedule.next(Situation(step.at_ms, NODES, random, poll=lambda: views))
    assert isinstance(step, Step)
    assert isinstance(step.fault, Kill)
    assert step.fault.nodes == ("n2",)


def test_some_seeds_of_a_hunt_have_one() -> None:
    plans = [draw(find_target("raft-log"), seed, 200) for seed in range(400)]
    steady = [plan.nemesis[0] for plan in plans if plan.nemesis and plan.nemesis[0].endswith(":steady")]
    assert {name.partition(":")[0] for name in steady} == set(LASTING)
    assert 20 < len(steady) < 70
    assert set(LASTING) <= KINDS.keys()


@pytest.mark.slow
def test_a_leader_that_cannot_hear_is_found_without_progress() -> None:
    found = []
    for seed in range(1, 41):
        plan = Plan("raft-log/no-check-quorum", "register", ("one-way:steady",), 3, 5, seed, 200, timeout_ms=300.0)
        run = Simulation(plan, Recorder()).run()
        found += [one.kind for one in run.findings]
        if found:
            assert judge_run(run, "register").outcome == "invalid"
            break
    assert found == ["not-live"]


@pytest.mark.slow
def test_registers_that_refuse_further_writes_make_progress() -> None:
    for seed in range(1, 17):
        plan = Plan("paxos-register", "register", ("pause:steady",), 3, 3, seed, 200, think_ms=0.5, timeout_ms=2000.0)
        run = Simulation(plan, Recorder()).run()
        assert run.findings == []
        assert judge_run(run, "register").outcome == "valid"
