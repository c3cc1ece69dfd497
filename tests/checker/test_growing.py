"""The monitors of unique ids and of generations: two operations refute, the rest has an order."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.monitors.growing import decide_generation
from checker.verify import verify
from tests.checker.fuzz import disagreement
from tests.checker.generate import AUTHORS, STYLES, history

Row = tuple[Any, int, int | None]


def handed_out(f: str, *rows: Row) -> History:
    """(what was handed out, call, ret or None where pending)."""
    return History.of(
        Operation(i, i, f, None, None, got, call, PENDING if ret is None else ret, "info" if ret is None else "ok")
        for i, (got, call, ret) in enumerate(rows)
    )


REFUTED: list[tuple[str, str, list[int], tuple[Row, ...]]] = [
    ("ids", "duplicate-id", [1, 2], ((7, 0, 1), (8, 0, 9), (8, 0, 9))),
    ("generation", "duplicate-generation", [0, 2], ((7, 0, 9), (9, 0, 9), (7, 0, 9))),
    ("generation", "generation-went-backwards", [1, 3], ((7, 0, 1), (9, 2, 3), (10, 3, 9), (8, 4, 5))),
]


@pytest.mark.parametrize(("model", "kind", "needed", "rows"), REFUTED, ids=[kind for _, kind, _, _ in REFUTED])
def test_each_violation_is_refuted_by_two_operations(
    model: str, kind: str, needed: list[int], rows: tuple[Row, ...]
) -> None:
    whole = handed_out("generate" if model == "ids" else "next", *rows)
    verdict = check(whole, model)
    assert verdict.outcome == "invalid"
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.kind == kind
    assert [op.index for op in verdict.worst.counterexample] == needed
    assert verify(whole, find(model), verdict) == []


@pytest.mark.parametrize("ret", [5, 9])
def test_a_smaller_generation_may_be_given_while_a_greater_one_is(ret: int) -> None:
    decision = decide_generation(handed_out("next", (5, 0, ret), (3, 5, 12), (None, 1, None)))
    assert decision is not None
    assert decision.outcome == "valid"


def test_generations_that_are_no_numbers_are_left_to_the_search() -> None:
    assert decide_generation(handed_out("next", ("a", 0, 1), ("b", 2, 3))) is None
    assert decide_generation(handed_out("next", (1, 0, 1), ("b", 2, 3))) is None


@pytest.mark.slow
@pytest.mark.parametrize("model", ["ids", "generation"])
def test_brute_force_agrees_and_every_proof_holds(model: str) -> None:
    author = replace(AUTHORS[model], lie=lambda rng, f, given, greatest: rng.randint(1, 60))
    for number in range(600):
        rng = Random(f"{model} {number}")
        ops = history(author, rng, STYLES[number % len(STYLES)], rng.randint(1, 8))
        assert disagreement(find(model), ops)[1] is None, ops
