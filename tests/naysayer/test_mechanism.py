"""How a violation came about: what is said is what the messages show, and a needed fault is one that was left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker import check
from naysayer.commands.test import judged_report
from naysayer.options import RunOptions
from naysayer.plan import make_plan
from naysayer.play import timed
from naysayer.play.timed import TimedFault
from naysayer.recorder import Recorder
from naysayer.signals import Reporting
from naysayer.simulate import Simulation
from naysayer.views import held

PLAN = make_plan(RunOptions(target="quorum-kv/no-read-repair", operations=600, seed=1))


@pytest.mark.slow
def test_the_mechanism_of_a_stale_read_is_what_a_replay_shows() -> None:
    simulation = Simulation(PLAN, Recorder())
    run = simulation.run()
    with Reporting() as reporting:
        report = judged_report(PLAN, run, Path("nowhere"), reporting)
    where, kept, answer, needed = report.mechanism
    part = report.verdict.worst
    assert part is not None
    assert part.explanation is not None
    culprit = next(op for op in part.counterexample if op.index == part.explanation.culprit)
    # what is said of the nodes is what they held
    having = [node for node, view in report.views.items() if held(view, culprit.key).split(" @")[0] in where.split()]
    assert having
    assert all(node in where.partition(" held ")[0] for node in having)
    # the read that found the value did not repair the others
    assert any(
        f"#{op.index} had read {op.output}, and its node did not send it to any other." == kept
        for op in part.counterexample
    )
    assert f"{culprit.node} answered #{culprit.index} from its own {culprit.output} " in answer
    # the fault that is called necessary is one, tried here again
    named = [event for event in run.recorder.nemesis if event[1].in_full() in needed]
    scenario = timed.of_run(PLAN, simulation, run)
    fails = []
    for left_out in [None, *named]:
        kept = [item for item in scenario.items if left_out is None or item != TimedFault(*left_out)]
        history = timed.rerun(scenario.of(kept), until_ms=culprit.ret / 1e6 + 0.1).recorder.history()
        of_key = history.select(history.key == history.tables.key.find(culprit.key))
        fails.append(check(of_key, "register").outcome == "invalid")
    assert fails[0], "with all faults it fails"
    assert False in fails[1:], "and without the one that is named it does not"
