"""Keys are judged in rounds: what is cheap is decided whatever the others cost, and an invalid key ends the verdict."""

from __future__ import annotations

import pytest

from checker import search
from checker.budget import Budget
from checker.check import check
from checker.history import History
from tests.checker.test_interrupted import hopeless, short_rounds
from tests.checker.test_parallel import crowded

pytestmark = pytest.mark.slow


def test_a_key_that_stays_undecided_leaves_the_others_decided() -> None:
    history = History.of([*hopeless(key=9, first=100), *(op for op in crowded(4) if op.key % 2 == 0)])
    verdict = check(history, "counter", budget=Budget(steps=20_000))
    assert [(part.key, part.outcome) for part in verdict.parts] == [(9, "unknown"), (0, "valid"), (2, "valid")]
    assert verdict.parts[0].reason is not None
    assert verdict.parts[0].reason.startswith("out of steps (20,000): ")


def test_an_invalid_key_ends_the_verdict_unless_all_keys_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    short_rounds(monkeypatch)
    history = crowded(4, writers=7)
    verdict = check(history, "counter")
    assert [part.outcome for part in verdict.parts] == ["valid", "invalid", "valid", "unknown"]
    assert verdict.parts[3].reason == "not searched further, since key 1 is invalid (--all-keys judges all)"
    verdict = check(history, "counter", all_keys=True)
    assert [part.outcome for part in verdict.parts] == ["valid", "invalid", "valid", "invalid"]


def test_a_round_has_so_many_times_the_configurations_of_the_one_before() -> None:
    assert search.steps_of_round(0, 500) == 4_000
    assert search.steps_of_round(2, 500) == 8 * 8 * 4_000
