"""The solutions pass the assignments' tests, and each mistake fails a seed. Rates: tests/benchmarks/assignments.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from naysayer.grade.pack import load, packs
from naysayer.grade.trial import Outcome, try_batch
from targets.backends.host.process import end_hosts
from targets.protocol.target import HOST
from tests.assignments.java import compiled, mistakes, solution
from tests.systems import needs, without

pytestmark = needs(without("java", "javac"))

SHOWN_BY = {
    "quorum-store": {
        "no-read-repair": ("partitions", 6),
        "wall-clock": ("clocks", 1),
        "timestamp-tie": ("works", 2),
        "local-counter": ("works", 1),
        "sub-majority": ("partitions", 2),
        "read-one": ("works", 4),
        "timeout-is-fail": ("partitions", 2),
        "no-sync": ("crashes", 12),
        "null-pointer": ("works", 1),
    },
    "write-ahead-log": {
        "ack-before-fsync": ("power losses", 1),
        "apply-before-log": ("kills", 15),
        "torn-tail-unchecked": ("torn writes", 12),
        "append-after-torn-tail": ("torn writes", 13),
        "no-directory-fsync": ("power losses", 1),
        "clean-first": ("power losses", 21),
        "snapshot-unsynced": ("power losses", 1),
    },
    "generation-clock": {
        "generation-volatile": ("generations, crashes", 2),
        "reply-before-durable": ("generations, crashes", 2),
        "equal-granted": ("works", 1),
        "no-fencing": ("fencing", 3),
        "read-without-repair": ("fencing", 18),
    },
    "paxos-store": {
        "accept-volatile": ("crashes", 1),
        "accept-below-promise": ("late messages", 1),
        "adopt-any-accepted": ("partitions", 1),
        "ballot-collision": ("works", 2),
        "learn-from-minority": ("partitions", 1),
        "local-read": ("partitions", 3),
        "read-without-repropose": ("partitions", 3),
        "refused-is-repeated": ("partitions", 1),
    },
    "replicated-log": {
        "term-volatile": ("crashes", 15),
        "log-unsynced": ("crashes", 10),
        "local-read": ("leaders", 16),
        "no-election-restriction": ("leaders", 1),
        "answer-before-commit": ("leaders", 10),
    },
}
"""By assignment and mistake: a test, and a seed of it that fails."""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything is compiled."""
    folder = tmp_path_factory.mktemp("java")
    compiled(folder)
    return folder


def outcomes(assignment: str, test: str, seeds: range, command: str) -> list[Outcome]:
    found = load(assignment)
    one = next(one for one in found.test if one.name == test)
    try:
        return try_batch(found, one, [(seed, False) for seed in seeds], f"{HOST}{command}")
    finally:
        end_hosts()


@pytest.mark.parametrize("assignment", packs())
def test_the_solution_fails_no_test(assignment: str, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course)
    for one in load(assignment).test:
        found = outcomes(assignment, one.name, range(1, 4), solution(assignment))
        assert [outcome for outcome in found if outcome.outcome in ("invalid", "error")] == []
        assert any(outcome.outcome == "valid" for outcome in found)


@pytest.mark.parametrize(
    ("assignment", "mistake"), [(one, mistake) for one, shown in SHOWN_BY.items() for mistake in shown]
)
def test_the_mistake_is_caught(assignment: str, mistake: str, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course)
    test, seed = SHOWN_BY[assignment][mistake]
    (found,) = outcomes(assignment, test, range(seed, seed + 1), mistakes(assignment)[mistake])
    assert found.outcome == "invalid"
