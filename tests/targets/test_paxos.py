"""Paxos: what the healthy targets must hold under every fault, and how long an operation takes without any."""

from __future__ import annotations

import pytest

from naysayer.plan import Plan
from tests.targets.simulated import ANY, ANY_LOG, assert_healthy, simulate


@pytest.mark.slow
@pytest.mark.parametrize(("name", "faults"), [("paxos-kv", ANY), ("paxos-log", ANY_LOG), ("paxos-register", ANY)])
def test_a_healthy_target_is_valid_under_every_fault_and_answers_when_they_are_over(
    name: str, faults: tuple[str, ...]
) -> None:
    for seed in range(25):
        assert_healthy(name, seed, faults, repeated=seed % 2 == 0)


@pytest.mark.parametrize("name", ["paxos-kv", "paxos-log"])
def test_an_operation_takes_a_few_round_trips_without_faults(name: str) -> None:
    run = simulate(Plan(name, "cas-register", (), 3, 1, 1, 80))
    took_ms = sorted((op.ret - op.call) / 1e6 for op in run.recorder.ended(0) if op.status == "ok")
    assert len(took_ms) >= 75
    assert took_ms[len(took_ms) * 9 // 10] < 60
