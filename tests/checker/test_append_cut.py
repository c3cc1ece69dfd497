"""Counterexamples of long strings are a few operations: a text may go out of all values with all that appended it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from msgspec import structs

from checker.check import check
from checker.history import History, Operation
from checker.models import find
from checker.verify import verify
from tests.checker.brute import linearizable
from tests.checker.stages import crowded
from tests.checker.test_repeated_values import crowd

MODEL = find("kv-append")


def _string(rng: Random, values: int, held: str, lie: bool) -> tuple[str, Any, Any, str]:
    """An operation on texts that repeat; rarely on one that begins the others."""
    kind, text = rng.random(), rng.choice(("(0)", "(1)", "(2)", "(33)") if rng.random() < 0.98 else ("(", ""))
    if kind < 0.4:
        return "read", None, held or None, held
    if kind < 0.8:
        return "append", text, None, held + text
    if kind < 0.9:
        return "write", text, None, text
    given = (held if rng.random() < 0.7 else text, text)
    return "cas", given, held == given[0], text if held == given[0] else held


@pytest.mark.slow
def test_what_is_legal_stays_legal_without_appended_texts() -> None:
    shortened = 0
    for seed in range(4_000):
        rng = Random(f"texts {seed}")
        ops = crowded(rng, _string, "")
        texts = {op.input for op in ops if op.f == "append" and rng.random() < 0.6}
        gone = {op.index for op in ops if rng.random() < (0.95 if op.f == "append" and op.input in texts else 0.1)}
        dropped, kept = ([op for op in ops if (op.index in gone) == out] for out in (True, False))
        left = MODEL.without(dropped, kept)
        if left is not None and linearizable(MODEL, ops):
            shortened += list(left) != kept
            assert linearizable(MODEL, list(left)), (seed, dropped, kept)
    assert shortened > 300


def _lie(how: str, texts: Sequence[str]) -> Sequence[str]:
    """A late value as it should not be."""
    middle = len(texts) // 2
    match how:
        case "one is lost":
            return [*texts[:middle], *texts[middle + 1 :]]
        case "two in another order":
            return [*texts[:middle], texts[middle + 1], texts[middle], *texts[middle + 2 :]]
        case "one twice":
            return [*texts, texts[middle]]
        case "an old value":
            return texts[:middle]
    return [*texts, "3"]  # one more than there are of a text that repeats


@pytest.mark.slow
@pytest.mark.parametrize("how", ["one is lost", "two in another order", "one twice", "an old value", "once too often"])
def test_a_lie_about_a_long_string_is_shown_by_a_few_operations(how: str) -> None:
    ops = crowd("kv-append", 20, 400, seed=2)
    late = max(op.index for op in ops if op.f == "read")
    texts: list[str] = ops[late].output.split()
    ops[late] = structs.replace(ops[late], output="".join(f"{text} " for text in _lie(how, texts)))
    history = History.of(ops)
    verdict = check(history, "kv-append")
    assert verdict.outcome == "invalid"
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) <= 8
    assert verify(history, MODEL, verdict) == []


def test_the_sentence_names_what_the_system_returned_in_full() -> None:
    texts = ["(a)", "(b)", "(c)", "(d)"]
    appends = [Operation(i, 0, "append", "k", text, None, 2 * i, 2 * i + 1) for i, text in enumerate(texts)]
    read = Operation(4, 1, "read", "k", None, "(a)(b)(d)", 10, 11)
    worst = check(History.of([*appends, read]), "kv-append").worst
    assert worst is not None
    assert worst.explanation is not None
    assert [op.index for op in worst.counterexample] == [2, 4]
    assert '#4, which began later, returned "(a)(b)(d)"' in worst.explanation.sentence
