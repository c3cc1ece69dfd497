"""Paxos: what the healthy targets must hold under every fault, and what each broken variant is caught at."""

from __future__ import annotations

import pytest

from targets.protocol.target import Target
from targets.systems.paxos import KV, LOG, REGISTER
from tests.targets.storm import EVERYTHING, Storm


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "keys"), [(KV, 2), (LOG, 2), (REGISTER, 10)], ids=lambda value: getattr(value, "name", "")
)
def test_a_healthy_target_is_valid_under_every_fault_and_answers_when_they_are_over(target: Target, keys: int) -> None:
    for seed in range(25):
        storm = Storm(target, seed, ("read", "write", "cas"), EVERYTHING, keys=keys)
        assert storm.verify("cas-register") == "valid", f"seed {seed}"
        assert storm.cluster.violations == [], f"seed {seed}"
        assert len(storm.records) >= storm.operations + 2 * storm.clients


@pytest.mark.parametrize("target", [KV, LOG], ids=lambda target: target.name)
def test_an_operation_takes_a_few_round_trips_in_a_calm_network(target: Target) -> None:
    storm = Storm(target, 1, ("read", "write", "cas"), clients=1, calm=False)
    storm.run()
    took_ms = sorted((op.ret - op.call) / 1e6 for op in storm.records if op.status == "ok")
    assert len(took_ms) == storm.operations
    assert took_ms[len(took_ms) * 9 // 10] < 60
