"""Transactions on Raft's log: healthy servers are not accused, and every broken one is, by a hunt that knows nothing of
it."""

from __future__ import annotations

import pytest

from naysayer.hunt.swarm import draw
from naysayer.judge import judge_run
from naysayer.recorder import Recorder
from naysayer.simulate import Simulation
from targets.protocol.target import Target
from targets.systems.raft_txn import TARGETS
from targets.systems.raft_txn.node import SnapshotMachine, TransactionalMachine
from workloads.registry import find as find_workload

SEEDS = 40


def outcome(target: Target, seed: int) -> str:
    """What a hunt's run of a seed comes to."""
    plan = draw(target, seed, 200)
    return judge_run(Simulation(plan, Recorder()).run(), find_workload(plan.workload).model).outcome


@pytest.mark.slow
@pytest.mark.parametrize("target", [one for one in TARGETS if one.broken is None], ids=lambda one: one.name)
def test_a_healthy_server_is_not_accused(target: Target) -> None:
    outcomes = [outcome(target, seed) for seed in range(1, 13)]
    assert "invalid" not in outcomes
    assert outcomes.count("valid") > 8


@pytest.mark.slow
@pytest.mark.parametrize("target", [one for one in TARGETS if one.broken is not None], ids=lambda one: one.name)
def test_a_broken_server_is_found(target: Target) -> None:
    assert any(outcome(target, seed) == "invalid" for seed in range(1, SEEDS + 1))


def test_a_transaction_conflicts_with_what_was_written_after_it_read() -> None:
    for machine, skew in ((TransactionalMachine(), True), (SnapshotMachine(), False)):
        one = machine.execute([["r", "x", None], ["append", "y", 1]])
        other = machine.execute([["r", "y", None], ["append", "x", 1]])
        same = machine.execute([["append", "y", 2]])
        machine.write(one.writes)
        assert machine.conflicts(other) == skew
        assert machine.conflicts(same) == (not skew), "serializable: it read nothing"
        again = machine.execute([["append", "x", 2], ["r", "x", None]])
        assert again.steps == (("append", "x", 2), ("r", "x", (2,)))
        machine.write(other.writes)
        assert machine.conflicts(again), "a read after an own append shows what others appended"


def test_a_snapshot_of_the_machine_keeps_its_versions() -> None:
    machine = TransactionalMachine()
    read = machine.execute([["r", "x", None]])
    machine.write((("w", "x", 1),))
    machine.write(())
    restored = TransactionalMachine([[key, list(value)] for key, value in machine.items()])  # type: ignore[misc]
    assert restored.commits == machine.commits == 1
    assert restored.conflicts(read)
