"""Simulated runs: what a driver leaves out to be quick changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from naysayer.hunt.swarm import draw, fitting
from naysayer.judge import judge_run
from naysayer.options import RunOptions
from naysayer.plan import make_plan
from naysayer.recorder import Recorder
from naysayer.simulate import Simulation
from nemesis.catalog import DIRECTED
from targets.backends.simulator import SimulatedCluster
from targets.registry import all_targets
from workloads.registry import find as find_workload


class Lines:
    """A file in memory."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes, /) -> None:
        self.lines.append(line)


def _record(seed: int) -> tuple[list[bytes], int]:
    """The lines of a run with directed faults, and how many of them the nemesis wrote."""
    recorder = Recorder(lines := Lines())
    plan = make_plan(RunOptions(target="raft-log", nemesis=tuple(DIRECTED), operations=60, seed=seed, clients=3))
    Simulation(plan, recorder).run()
    return lines.lines, len(recorder.nemesis)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_looks_that_are_left_out_are_in_vain(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    views = SimulatedCluster.views

    def counted(cluster: SimulatedCluster) -> dict[str, dict[str, object]]:
        nonlocal looked
        looked += 1
        return views(cluster)

    monkeypatch.setattr(SimulatedCluster, "views", counted)
    left_out, faults = _record(seed)
    few, looked = looked, 0
    monkeypatch.setattr(SimulatedCluster, "still", property(lambda cluster: False))
    all_asked, _ = _record(seed)
    assert left_out == all_asked
    assert faults > 0
    assert few < looked


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_a_default_test_of_a_healthy_store_most_operations_complete(seed: int) -> None:
    recorder = Recorder()
    Simulation(make_plan(RunOptions(target="quorum-kv", seed=seed)), recorder).run()
    assert recorder.counts["ok"] > 0.9 * recorder.invocations
    assert len(recorder.nemesis) > 20, "and faults come all the same"


def test_no_default_test_or_hunt_depends_on_what_is_known_of_a_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    for variant in [target for target in all_targets() if target.broken is not None]:
        options = RunOptions(target=variant.name)
        planned, hunted = make_plan(options), draw(variant, 1, 100)
        unlabelled = replace(variant, broken=None)
        with monkeypatch.context() as patched:
            patched.setattr("naysayer.plan.find_target", lambda name: unlabelled)  # noqa: B023 - called at once
            assert make_plan(options) == planned
        assert draw(unlabelled, 1, 100) == hunted


@pytest.mark.slow
def test_a_default_test_shows_a_store_without_read_repair() -> None:
    plan = make_plan(RunOptions(target="quorum-kv/no-read-repair", seed=4))
    run = Simulation(plan, Recorder()).run()
    assert judge_run(run, find_workload(plan.workload).model).outcome == "invalid"


def test_every_operation_of_a_target_occurs_in_a_workload_that_hunts_run_on_it() -> None:
    for target in all_targets():
        occurring = frozenset().union(*(find_workload(name).operations for name in fitting(target)))
        assert occurring == target.operations, target.name
