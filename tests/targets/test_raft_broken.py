"""Every broken Raft is caught: under the faults that it is named for, or by its scenario."""

from __future__ import annotations

import re

import pytest

from naysayer.play import play_scenario
from naysayer.play.shipped import shipped
from targets.systems.raft import RAFT, TARGETS
from tests.targets.simulated import assert_caught, assert_healthy, with_its_faults

pytestmark = pytest.mark.slow

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

BY_CLIENTS = (
    "log-unsynced",
    "read-without-read-index",
    "lease-under-skew",
    "no-election-restriction",
    "truncate-on-any-append",
    "no-session-dedup",
    "majority-of-live",
)
BY_INVARIANT = ("no-previous-term-check", "session-expiry-local-clock")

SEEDS = 80

BY_PROGRESS = ("no-check-quorum",)
"""Found not live while a one-way cut is in force: tests/naysayer/harness/test_progress.py."""

CONTROL = "clear-voted-for-on-step-down"


def test_every_broken_variant_has_its_proof_here() -> None:
    names = [target.name.removeprefix("raft-log/") for target in TARGETS if target is not RAFT]
    assert sorted(names) == sorted([*BY_SCENARIO, *BY_CLIENTS, *BY_INVARIANT, *BY_PROGRESS, CONTROL])


@pytest.mark.parametrize("name", BY_SCENARIO)
def test_a_broken_variant_falls_in_its_scenario(name: str) -> None:
    text = shipped()[BY_SCENARIO[name]].read_text()
    targets = re.findall(r"^(?:cluster|again) (\S+)", text, re.M)
    assert play_scenario(text, name).verdicts[targets.index(f"raft-log/{name}")] == "invalid"


@pytest.mark.parametrize("name", BY_CLIENTS)
def test_the_checker_catches(name: str) -> None:
    assert_caught(with_its_faults(f"raft-log/{name}", seed) for seed in range(SEEDS))


@pytest.mark.parametrize("name", BY_INVARIANT)
def test_an_invariant_catches(name: str) -> None:
    assert_caught((with_its_faults(f"raft-log/{name}", seed) for seed in range(SEEDS)), by_invariant=True)


def test_the_control_survives() -> None:
    for seed in range(15):
        assert_healthy(f"raft-log/{CONTROL}", seed, ("isolate-leader", "one-way", "kill", "power", "hold"), nodes=5)


@pytest.mark.parametrize("scenario", sorted(set(BY_SCENARIO.values())))
def test_the_control_survives_the_scenarios(scenario: str) -> None:
    alone = shipped()[scenario].read_text().partition("\nagain ")[0]
    played = play_scenario(re.sub(r"^cluster \S+", f"cluster raft-log/{CONTROL}", alone, flags=re.M), scenario)
    assert played.verdicts == ("valid",)
