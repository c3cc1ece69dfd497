"""Each broken variant of Paxos is caught by random operations and random faults; nothing is aimed at it."""

from __future__ import annotations

import pytest

from targets.systems.paxos import TARGETS
from tests.targets.storm import EVERYTHING, Storm

pytestmark = pytest.mark.slow

NAMED = {target.name: target for target in TARGETS}
SEEDS_MAX = 80

CLIENT_SEES = {
    "paxos-kv/accept-volatile": ("kill",),
    "paxos-kv/accept-below-promise": EVERYTHING,
    "paxos-kv/own-value-always": EVERYTHING,
    "paxos-kv/ballot-collision": EVERYTHING,
    "paxos-kv/learn-from-minority": EVERYTHING,
    "paxos-kv/local-read": EVERYTHING,
    "paxos-kv/read-without-repropose": EVERYTHING,
    "paxos-kv/failed-cas-not-proposed": EVERYTHING,
    "paxos-kv/commit-re-executes": EVERYTHING,
    "paxos-log/get-falls-back-to-local": ("isolate", "delay"),
    "paxos-log/leader-starts-own-slot": ("isolate", "delay"),
    "paxos-log/promise-omits-committed": ("isolate",),
    "paxos-log/apply-over-gap": ("isolate", "delay"),
}
INVARIANT_SEES = {
    "paxos-kv/promise-volatile": ("kill",),
    "paxos-kv/ballot-reset": ("kill",),
    "paxos-log/fill-hole-without-phase-1": ("isolate", "delay"),
}


@pytest.mark.parametrize("name", CLIENT_SEES)
def test_the_checker_catches(name: str) -> None:
    for seed in range(SEEDS_MAX):
        storm = Storm(NAMED[name], seed, ("read", "write", "cas"), CLIENT_SEES[name], calm=False, keys=1 + seed % 2)
        if storm.verify("cas-register") == "invalid":
            return
    pytest.fail(f"{name} survived {SEEDS_MAX} seeds")


@pytest.mark.parametrize("name", INVARIANT_SEES)
def test_an_invariant_catches(name: str) -> None:
    for seed in range(SEEDS_MAX):
        storm = Storm(NAMED[name], seed, ("read", "write", "cas"), INVARIANT_SEES[name], calm=False, keys=1)
        storm.run()
        if storm.cluster.violations:
            return
    pytest.fail(f"{name} survived {SEEDS_MAX} seeds")
