"""Runs for a results folder, made as commands make them, at times that are given."""

from __future__ import annotations

from pathlib import Path

from naysayer.commands.test import facts_json, result_of
from naysayer.judge import judge_run
from naysayer.options import RunOptions
from naysayer.plan import make_plan, text
from naysayer.recorder import Recorder
from naysayer.report.build import build_report
from naysayer.simulate import Simulation
from naysayer.store import Store
from workloads.registry import find as find_workload

FAILING = "quorum-kv.no-read-repair/20260102T030405"
VALID = "raft-log/20260102T030406"
RUNS = {FAILING: ("quorum-kv/no-read-repair", 8, 200), VALID: ("raft-log", 1, 40)}


def make_run(root: Path, name: str, target: str, seed: int, operations: int) -> Path:
    """A run with all that `naysayer test` leaves, but its page."""
    folder = root / name
    folder.mkdir(parents=True)
    plan = make_plan(RunOptions(target=target, seed=seed, operations=operations))
    with Store(folder, text(plan)) as store:
        run = Simulation(plan, Recorder(store)).run()
    verdict = judge_run(run, find_workload(plan.workload).model)
    report = build_report(result_of(plan, run, verdict), folder)
    store.keep(report, facts_json(run, report))
    return folder


def make_runs(root: Path) -> None:
    """One that fails, and one that is valid."""
    for name, (target, seed, operations) in RUNS.items():
        make_run(root, name, target, seed, operations)
