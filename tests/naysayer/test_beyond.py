"""From a broken invariant to an anomaly that clients see."""

from __future__ import annotations

from pathlib import Path

import pytest

from naysayer.cli import run
from naysayer.hunt.beyond import AFTER_MS, seen_by_clients
from naysayer.hunt.campaign import Hunt, attempt
from naysayer.hunt.finding import reproduce
from naysayer.judge import judge
from workloads.registry import find as find_workload

pytestmark = pytest.mark.slow


def test_a_run_that_broke_an_invariant_is_continued_until_clients_see_it() -> None:
    failed = attempt(Hunt("paxos-kv/ballot-collision"), range(7, 47)).failed
    assert failed is not None
    _, first = reproduce(failed)
    assert first.violated_ms is not None
    plan = seen_by_clients(failed, first.violated_ms)
    assert plan is not None
    assert plan.decisions[-1].at_ms == first.violated_ms + AFTER_MS
    _, then = reproduce(plan)
    assert then.violated_ms == first.violated_ms, "it is the same run up to there"
    assert judge(then.recorder.history(), find_workload(plan.workload).model, weaker=False).outcome == "invalid"
    assert seen_by_clients(failed, first.violated_ms, lambda: False) is None


def test_a_hunt_reports_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hunt = ["hunt", "paxos-kv/ballot-collision", "--first-seed", "7", "--seeds", "40"]
    assert run([*hunt, "--results", str(tmp_path)]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "breaks an invariant one value chosen per instance. Of up to 40 continuations, clients saw" in printed
    assert "found by continuing a run from its broken invariant one value chosen per instance" in printed
