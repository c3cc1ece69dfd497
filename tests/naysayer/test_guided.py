"""Guided hunts: what a lineage tries, that its plans replay exactly, and what is known of the states it saw."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from naysayer import plan as plans
from naysayer.hunt.campaign import LINEAGE, Hunt, continued, lineages
from naysayer.hunt.guided import CHILDREN_MAX, FRESH_MIN, Lineage, Parent, mixed, mutated
from naysayer.hunt.states import Seen
from naysayer.plan import Plan
from naysayer.play import notation, timed
from naysayer.recorder import Recorder
from naysayer.simulate import Probe, Run, Simulation
from nemesis.decided import Decided, TimedFault
from nemesis.mix import Mix
from nemesis.schedule import Poll, Situation, Step
from targets.protocol.fault import Heal, Redraw

HUNT = Hunt("raft-log", operations=60)


def told(recorder: Recorder) -> list[tuple[object, ...]]:
    return [(op.f, op.key, op.input, op.output, op.call, op.ret, op.status, op.node) for op in recorder.history()]


def guided(count: int, hunt: Hunt = HUNT) -> list[tuple[Plan, Simulation, Run]]:
    """The first runs of a lineage."""
    lineage, found = Lineage(1), []
    for _ in range(count):
        plan = lineage.next(hunt.plan)
        simulation = Simulation(plan, Recorder(), probe=Probe(cover=True))
        run = simulation.run()
        lineage.learn(plan, run.states)
        found.append((plan, simulation, run))
    return found


@pytest.mark.slow
def test_a_guided_run_replays_exactly_from_its_file_and_as_a_scenario(tmp_path: Path) -> None:
    decided = [one for one in guided(20) if one[0].decisions]
    assert len(decided) >= 5
    for plan, simulation, run in decided[:5]:
        (tmp_path / "test.toml").write_text(plans.text(plan))
        assert plans.read(tmp_path / "test.toml") == plan
        Simulation(plan, again := Recorder()).run()
        assert told(again) == told(run.recorder), "with and without a look at its states"
        (tmp_path / "scenario.txt").write_text(notation.text(timed.of_run(plan, simulation, run)))
        timed.play(notation.read(tmp_path / "scenario.txt"), scripted := Recorder(), weaker=False)
        assert told(scripted) == told(run.recorder) or not run.live


@pytest.mark.slow
def test_a_child_is_its_parent_up_to_its_decision_and_another_run_after_it() -> None:
    plan = HUNT.plan(3)
    whole = Simulation(plan, Recorder()).run()
    at_ms = whole.fault_phase_ms / 2
    children = []
    for salt in (1, 2):
        child = replace(plan, decisions=(TimedFault(at_ms, Redraw(salt)),))
        children.append(told(Simulation(child, Recorder()).run().recorder))
    parent = told(whole.recorder)
    until_ns = int(at_ms * 1e6)
    for child in children:
        before = [one for one in child if int(str(one[5])) < until_ns]
        assert before == [one for one in parent if int(str(one[5])) < until_ns] != []
        assert child != parent
    assert children[0] != children[1]


def test_a_lineage_begins_with_fresh_seeds_and_then_continues_parents_in_turn() -> None:
    def fresh(seed: int) -> Plan:
        return replace(HUNT.plan(1), seed=seed)

    def tried() -> list[Plan]:
        lineage, found = Lineage(10), []
        for number in range(120):
            found.append(lineage.next(fresh))
            lineage.learn(found[-1], {number: 100.0 + number} if number < FRESH_MIN + 1 else {})
        return found

    every = tried()
    assert every == tried()
    assert [plan.seed for plan in every[:FRESH_MIN]] == [10, 11, 12, 13, 14]
    children = [plan for plan in every if plan.decisions]
    assert 0 < len(children) <= (FRESH_MIN + 1) * (CHILDREN_MAX + 1)
    assert {plan.seed for plan in children} >= {10, 11, 12, 13, 14}, "parents take turns"
    assert len({plan.decisions for plan in children}) == len(children)


def test_a_mutation_keeps_earlier_decisions_and_stays_in_order() -> None:
    early, late = TimedFault(50.0, Redraw(1)), TimedFault(900.0, Redraw(2))
    parent = Parent(replace(HUNT.plan(1), nodes=3, decisions=(early, late)), (400.0,))
    for seed in range(50):
        decisions = mutated(parent, Random(seed)).decisions
        times = [one.at_ms for one in decisions]
        assert decisions[0] == early
        assert times == sorted(times)
        drawn_anew = any(one.at_ms == 400.0 and one.fault.tag == "redraw" and not one.fault.links for one in decisions)
        assert (late in decisions) != drawn_anew, "what was decided for later belongs to another run"


def test_a_mixed_child_is_another_seed_with_most_of_the_sizes_and_faults_of_its_parent() -> None:
    parent, other = HUNT.plan(1), HUNT.plan(2)
    children = [mixed(parent, other, Random(seed)) for seed in range(40)]
    assert {child.seed for child in children} == {2}
    assert sum(child.nemesis == parent.nemesis for child in children) > 20
    assert {child.nemesis for child in children} == {parent.nemesis, other.nemesis}


def test_decided_faults_come_at_their_times_whatever_the_schedule_beside_them_does() -> None:
    schedule = Decided(Mix(()), (TimedFault(5.0, Redraw(1)), TimedFault(9.0, Heal())))
    step, rest = schedule.next(Situation(0.0, ("n1",), Random(0)))
    assert step == Step(5.0, Redraw(1))
    assert rest.next(Situation(9.5, ("n1",), Random(0)))[0] == Step(9.5, Heal())
    busy = Decided(Mix(("kill",)), (TimedFault(0.5, Redraw(1)),))
    polled, _ = busy.next(Situation(0.0, ("n1",), Random(0)))
    assert isinstance(polled, Poll)
    assert polled.at_ms == 0.5


def test_a_hunt_consists_of_lineages_that_end_with_its_last_seed() -> None:
    hunt = Hunt("quorum-kv", seeds=LINEAGE + 7, first_seed=5)
    assert [(one.first, hunt.left(one)) for one in lineages(hunt)] == [(5, LINEAGE), (5 + LINEAGE, 7)]
    tried = continued(Hunt("quorum-kv", operations=20), Lineage(1), 3)
    assert tried.lineage is not None
    assert (tried.seeds, tried.lineage.tried, len(tried.states)) == (3, 3, 3)


def test_what_is_unseen_is_estimated_from_what_was_seen_once() -> None:
    seen = Seen()
    assert seen.unseen == 1.0
    seen.add([(1, 2, 3), (1, 2), (1, 4)])
    assert (seen.states, seen.unseen) == (4, 2 / 7)
    assert seen.new_per_run == pytest.approx(4 / 3)
    assert seen.sentence().startswith("4 distinct states of the cluster, 1 new in each of the last runs; ")
