"""Every broken Raft is caught: by storms of the faults it is named for, or by the directed scenario of its story."""

from __future__ import annotations

from typing import Any

import pytest

from targets.registry import find
from targets.systems.raft import RAFT, TARGETS
from tests.targets import raft_scenarios as scenarios
from tests.targets.raft_storm import RaftStorm

pytestmark = pytest.mark.slow

CAUGHT = ("invalid", "invariant")

BY_SCENARIO: dict[str, scenarios.Scenario] = {
    "commit-prior-term": scenarios.figure_8,
    "voted-for-volatile": scenarios.voter_crashes_in_election,
    "term-volatile": scenarios.voter_crashes_in_election,
    "match-from-log-end": scenarios.uncommitted_tail_acknowledged,
    "commit-to-own-last": scenarios.uncommitted_tail_committed,
    "read-index-before-own-commit": scenarios.new_leader_reads_at_once,
    "snapshot-overwrites-newer": scenarios.old_snapshot_arrives_late,
    "single-server-change": scenarios.two_changes_at_once,
}

BY_STORM: dict[str, dict[str, Any]] = {
    "log-unsynced": {"faults": ("kill",)},
    "read-without-read-index": {"faults": ("leader",)},
    "lease-under-skew": {"faults": ("skew", "leader")},
    "no-election-restriction": {"faults": ("isolate", "leader")},
    "truncate-on-any-append": {"faults": ("delay", "duplicate", "leader")},
    "no-previous-term-check": {"faults": ("leader",)},
    "no-session-dedup": {"faults": ("loss",), "mix": ("write", "read"), "keys": 3},
    "session-expiry-local-clock": {"faults": ("skew",)},
    "majority-of-live": {"faults": ("isolate", "halves")},
}

STORMS = 80

CONTROL = "clear-voted-for-on-step-down"


def test_every_broken_variant_has_its_proof_here() -> None:
    names = [target.name.removeprefix("raft-log/") for target in TARGETS if target is not RAFT]
    assert sorted(names) == sorted([*BY_SCENARIO, *BY_STORM, CONTROL])


@pytest.mark.parametrize("name", BY_SCENARIO)
def test_a_broken_variant_falls_in_its_scenario(name: str) -> None:
    scenario = BY_SCENARIO[name]
    assert scenario(find(f"raft-log/{name}"), scenarios.SEEDS[scenario]) in CAUGHT


@pytest.mark.parametrize("name", BY_STORM)
def test_a_broken_variant_falls_in_a_storm_of_its_faults(name: str) -> None:
    target = find(f"raft-log/{name}")
    for seed in range(STORMS):
        storm = RaftStorm(target, seed, **{"nodes": 3, **BY_STORM[name]})
        if storm.verdict() in CAUGHT:
            return
    pytest.fail(f"{STORMS} storms did not catch it")


def test_the_control_survives() -> None:
    target = find(f"raft-log/{CONTROL}")
    for seed in range(15):
        assert RaftStorm(target, seed, faults=("leader", "one-way", "kill", "hold"), nodes=5).verdict() == "valid"
    for scenario, seed in scenarios.SEEDS.items():
        assert scenario(target, seed) == "valid"
