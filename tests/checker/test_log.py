"""The monitor of logs: places are proved by those who showed them."""

from __future__ import annotations

from random import Random

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.verify import verify
from tests.checker.fuzz import disagreement
from tests.checker.generate import AUTHORS, STYLES, history


def test_a_place_that_only_a_read_shows_is_proved_by_that_read() -> None:
    whole = History.of(
        [
            Operation(0, 0, "append", None, 4, 0, 1, 2, "ok"),
            Operation(1, 1, "append", None, 6, None, 1, PENDING, "info"),
            Operation(2, 2, "append", None, 3, 2, 2, 2, "ok"),
            Operation(3, 3, "append", None, 5, None, 3, PENDING, "info"),
            Operation(4, 4, "read", None, 1, 5, 8, 10, "ok"),
        ]
    )
    verdict = check(whole, "log")
    assert (verdict.outcome, verdict.method) == ("invalid", "offsets")
    assert 4 in [op.index for op in verdict.parts[0].counterexample]
    assert verify(whole, find("log"), verdict) == []


def test_brute_force_agrees_on_longer_logs_and_every_proof_holds() -> None:
    for number in range(1200):
        rng = Random(f"deep log {number}")
        ops = history(AUTHORS["log"], rng, STYLES[number % len(STYLES)], rng.randint(8, 10))
        assert disagreement(find("log"), ops)[1] is None, ops
