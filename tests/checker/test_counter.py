"""The monitor of counters: each violation is refuted with a small proof, the rest has a witness, brute force agrees."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from msgspec import structs

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.monitors.counter import decide
from checker.verify import verify
from tests.checker.author import Author
from tests.checker.fuzz import agreed, disagreement
from tests.checker.generate import AUTHORS, STYLES, history

Row = tuple[str, Any, int, int | None]


def counter(*rows: Row) -> History:
    """(f, what an add adds or a read returned, call, ret or None where pending)."""
    ops = []
    for i, (f, number, call, ret) in enumerate(rows):
        given, got = (number, None) if f == "add" else (None, number)
        status = "info" if ret is None else "ok"
        ops.append(Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, status))  # type: ignore[arg-type]
    return History.of(ops)


REFUTED: list[tuple[str, list[int], tuple[Row, ...]]] = [
    ("#1 read 2, but there were only 1 increments", [0, 1], (("add", 1, 0, 9), ("read", 2, 0, 9))),
    (
        "#2 read 0, though #1 had read 1 and finished",
        [0, 1, 2],
        (("add", 1, 0, 9), ("read", 1, 1, 2), ("read", None, 3, 4)),
    ),
    (
        "#2 read 1, though #1 had read 2 and finished",
        [0, 1, 2, 3],
        (("add", 1, 0, 9), ("read", 2, 1, 2), ("read", 1, 3, 4), ("add", 1, 0, 9)),
    ),
    (
        "#1 read 2, more than could have been added by then",
        [1],
        (("add", 1, 0, 1), ("read", 2, 2, 3), ("add", 1, 4, 5)),
    ),
    ("#1 read 0, too little: #0 and the increments before it had finished", [1], (("add", 1, 0, 1), ("read", 0, 2, 3))),
    (  # two are too many only because 1 had been read before they began; they surely count, so the proof lacks them
        "#4 read 2, too little: #3 and the increments before it had finished",
        [0, 1, 4],
        (("add", 1, 2, 20), ("read", 1, 4, 5), ("add", 1, 6, 7), ("add", 1, 8, 9), ("read", 2, 10, 11)),
    ),
]


@pytest.mark.parametrize(("said", "needed", "rows"), REFUTED, ids=[said for said, _, _ in REFUTED])
def test_each_violation_is_refuted_with_a_small_proof(said: str, needed: list[int], rows: tuple[Row, ...]) -> None:
    whole = counter(*rows)
    verdict = check(whole, "counter")
    assert (verdict.outcome, verdict.method) == ("invalid", "schedule")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.sentence == f"Impossible count: {said}."
    assert sorted(op.index for op in verdict.worst.counterexample) == needed
    assert verify(whole, find("counter"), verdict) == []


def test_the_increment_that_must_return_first_goes_first() -> None:
    rows: tuple[Row, ...] = (("add", 1, 0, 100), ("add", 1, 2, 3), ("read", 1, 4, 5), ("read", 2, 50, 60))
    decision = decide(counter(*rows))
    assert decision is not None
    assert decision.outcome == "valid"


def test_a_pending_increment_counts_where_a_read_needs_it_and_only_there() -> None:
    rows: tuple[Row, ...] = (("add", 1, 0, None), ("add", 1, 0, 1), ("read", 1, 2, 3))
    assert check(counter(*rows), "counter").outcome == "valid"
    assert check(counter(*rows, ("read", 2, 4, 5)), "counter").outcome == "valid"
    assert check(counter(*rows, ("read", 3, 4, 5)), "counter").outcome == "invalid"


@pytest.mark.parametrize("row", [("add", 2, 0, 1), ("add", True, 0, 1), ("read", True, 0, 1)], ids=str)
def test_increments_that_differ_and_reads_of_no_count_are_left_to_the_search(row: Row) -> None:
    assert decide(counter(("add", 1, 0, 1), row)) is None


@pytest.mark.slow
def test_brute_force_agrees_and_every_proof_holds() -> None:
    ones = AUTHORS["counter"]
    author = Author(
        lambda rng, value: ("add", 1) if rng.random() < 0.5 else ("read", None), ones.initial, ones.execute, ones.lie
    )
    decided = agreed("counter", author, 2000, "counter")
    assert decided["valid by schedule"] > 600
    assert decided["invalid by schedule"] > 300
    assert decided["unknown by schedule"] < 200, "those in which no operation succeeded"
    assert len(decided) == 3


@pytest.mark.parametrize("step", [-1, 3, -7])
@pytest.mark.slow
def test_brute_force_agrees_on_increments_by_another_number(step: int) -> None:
    author, decided = AUTHORS["counter"], Counter[str]()
    for number in range(300):
        rng = Random(f"counter by {step} {number}")
        ops = history(author, rng, STYLES[number % len(STYLES)], rng.randint(1, 9))
        ops = [
            structs.replace(op, input=step if op.f == "add" else None, output=op.output and op.output * step)
            for op in ops
        ]
        how, problem = disagreement(find("counter"), ops)
        assert problem is None, ops
        decided[how] += 1
    assert decided["invalid by schedule"] > 50
    assert not any("search" in how for how in decided)


def test_a_read_between_two_multiples_of_the_increment_is_impossible() -> None:
    whole = counter(("add", 5, 0, 1), ("add", 5, 2, 9), ("read", 7, 4, 5))
    verdict = check(whole, "counter")
    assert (verdict.outcome, verdict.method) == ("invalid", "schedule")
    assert verify(whole, find("counter"), verdict) == []
    explanation = verdict.parts[0].explanation
    assert explanation is not None
    assert explanation.sentence == "Impossible count: #2 read 7, but every increment is by 5."
