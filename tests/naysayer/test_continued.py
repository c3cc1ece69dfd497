"""Runs that are continued in another way, and what a hunt knows of the states that it reached."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from naysayer import plan as plans
from naysayer.hunt.campaign import Hunt
from naysayer.hunt.states import Seen
from naysayer.play import notation, timed
from naysayer.recorder import Recorder
from naysayer.simulate import Probe, Simulation
from nemesis.decided import Decided, TimedFault
from nemesis.mix import Mix
from nemesis.schedule import Poll, Situation, Step
from targets.protocol.fault import Heal, Redraw

HUNT = Hunt("raft-log", operations=60)


def told(recorder: Recorder) -> list[tuple[object, ...]]:
    return [(op.f, op.key, op.input, op.output, op.call, op.ret, op.status, op.node) for op in recorder.history()]


@pytest.mark.slow
def test_a_continued_run_replays_exactly_from_its_file_and_as_a_scenario(tmp_path: Path) -> None:
    plan = replace(HUNT.plan(3), decisions=(TimedFault(300.0, Redraw(1)), TimedFault(500.0, Redraw(2))))
    simulation = Simulation(plan, Recorder(), probe=Probe(cover=True))
    run = simulation.run()
    (tmp_path / "test.toml").write_text(plans.text(plan))
    assert plans.read(tmp_path / "test.toml") == plan
    Simulation(plan, again := Recorder()).run()
    assert told(again) == told(run.recorder), "with and without a look at its states"
    (tmp_path / "scenario.txt").write_text(notation.text(timed.of_run(plan, simulation, run)))
    timed.play(notation.read(tmp_path / "scenario.txt"), scripted := Recorder(), weaker=False)
    assert told(scripted) == told(run.recorder)


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


def test_decided_faults_come_at_their_times_whatever_the_schedule_beside_them_does() -> None:
    schedule = Decided(Mix(()), (TimedFault(5.0, Redraw(1)), TimedFault(9.0, Heal())))
    step, rest = schedule.next(Situation(0.0, ("n1",), Random(0)))
    assert step == Step(5.0, Redraw(1))
    assert rest.next(Situation(9.5, ("n1",), Random(0)))[0] == Step(9.5, Heal())
    busy = Decided(Mix(("kill",)), (TimedFault(0.5, Redraw(1)),))
    polled, _ = busy.next(Situation(0.0, ("n1",), Random(0)))
    assert isinstance(polled, Poll)
    assert polled.at_ms == 0.5


def test_what_is_unseen_is_estimated_from_what_was_seen_once() -> None:
    seen = Seen()
    assert seen.unseen == 1.0
    seen.add([(1, 2, 3), (1, 2), (1, 4)])
    assert (seen.states, seen.unseen) == (4, 2 / 7)
    assert seen.new_per_run == pytest.approx(4 / 3)
    assert seen.sentence().startswith("4 distinct states of the cluster, 1 new in each of the last runs; ")
