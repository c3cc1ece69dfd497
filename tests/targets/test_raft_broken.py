"""Every broken Raft is caught: under the faults that it is named for, or by its scenario."""

from __future__ import annotations

import re
from typing import Any

import pytest

from naysayer.play import play_scenario
from naysayer.play.shipped import shipped
from targets.registry import find
from targets.systems.raft import RAFT, TARGETS
from tests.targets.raft_storm import RaftStorm

pytestmark = pytest.mark.slow

CAUGHT = ("invalid", "invariant")

BY_SCENARIO = {
    "commit-prior-term": "figure-8",
    "voted-for-volatile": "one-vote",
    "term-volatile": "one-vote",
    "match-from-log-end": "unverified-tail",
    "commit-to-own-last": "unverified-tail",
    "read-index-before-own-commit": "leadership-transfer",
    "snapshot-overwrites-newer": "late-snapshot",
    "single-server-change": "membership-2015",
}
"""tests/scenarios plays each of them: the variant is caught, and its healthy twin is not."""

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

BY_PROGRESS = ("no-check-quorum",)
"""Found not live while a one-way cut is in force: tests/naysayer/harness/test_progress.py."""

CONTROL = "clear-voted-for-on-step-down"


def test_every_broken_variant_has_its_proof_here() -> None:
    names = [target.name.removeprefix("raft-log/") for target in TARGETS if target is not RAFT]
    assert sorted(names) == sorted([*BY_SCENARIO, *BY_STORM, *BY_PROGRESS, CONTROL])


@pytest.mark.parametrize("name", BY_SCENARIO)
def test_a_broken_variant_falls_in_its_scenario(name: str) -> None:
    text = shipped()[BY_SCENARIO[name]].read_text()
    targets = re.findall(r"^(?:cluster|again) (\S+)", text, re.M)
    assert play_scenario(text, name).verdicts[targets.index(f"raft-log/{name}")] == "invalid"


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


@pytest.mark.parametrize("scenario", sorted(set(BY_SCENARIO.values())))
def test_the_control_survives_the_scenarios(scenario: str) -> None:
    alone = shipped()[scenario].read_text().partition("\nagain ")[0]
    played = play_scenario(re.sub(r"^cluster \S+", f"cluster raft-log/{CONTROL}", alone, flags=re.M), scenario)
    assert played.verdicts == ("valid",)
