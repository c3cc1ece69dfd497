"""Each broken variant of Paxos is caught by random operations and random faults; nothing is aimed at it."""

from __future__ import annotations

import pytest

from tests.targets.simulated import assert_caught, drawn, with_its_faults

pytestmark = pytest.mark.slow

SEEDS = 80

CLIENTS_SEE = (
    "paxos-kv/accept-volatile",
    "paxos-kv/accept-below-promise",
    "paxos-kv/own-value-always",
    "paxos-kv/ballot-collision",
    "paxos-kv/ballot-reset",
    "paxos-kv/learn-from-minority",
    "paxos-kv/local-read",
    "paxos-kv/read-without-repropose",
    "paxos-kv/failed-cas-not-proposed",
    "paxos-kv/commit-re-executes",
    "paxos-log/get-falls-back-to-local",
    "paxos-log/leader-starts-own-slot",
    "paxos-log/promise-omits-committed",
    "paxos-log/apply-over-gap",
)
INVARIANTS_SEE = (
    "paxos-kv/promise-volatile",
    "paxos-kv/ballot-reset",
    "paxos-log/fill-hole-without-phase-1",
)


@pytest.mark.parametrize("name", CLIENTS_SEE)
def test_the_checker_catches(name: str) -> None:
    assert_caught(drawn(name, seed) for seed in range(SEEDS))


@pytest.mark.parametrize("name", INVARIANTS_SEE)
def test_an_invariant_catches(name: str) -> None:
    assert_caught((with_its_faults(name, seed) for seed in range(SEEDS)), by_invariant=True)
