"""The monitor of sets: elements are judged apart, and brute force agrees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.monitors.sets import decide
from checker.verify import verify
from tests.checker.author import Author, Call
from tests.checker.fuzz import disagreement
from tests.checker.generate import AUTHORS, STYLES, history

Row = tuple[str, Any, Any, int, int | None]


def operations(*rows: Row) -> History:
    """(f, input, output, call, ret or None where pending)."""
    return History.of(
        Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, "info" if ret is None else "ok")
        for i, (f, given, got, call, ret) in enumerate(rows)
    )


def test_a_finished_add_that_contains_does_not_see_is_a_violation_of_two_operations() -> None:
    whole = operations(("add", 1, None, 0, 1), ("add", 2, None, 0, 1), ("contains", 1, False, 2, 3))
    verdict = check(whole, "set")
    assert verdict.outcome == "invalid"
    assert [op.index for op in verdict.parts[0].counterexample] == [0, 2]
    assert verify(whole, find("set"), verdict) == []


def test_a_read_of_all_that_lacks_a_finished_add_is_a_violation_of_two_operations() -> None:
    whole = operations(("add", 1, None, 0, 1), ("add", 2, None, 0, 1), ("read", None, (2,), 2, 3))
    verdict = check(whole, "set")
    assert verdict.outcome == "invalid"
    assert [op.index for op in verdict.parts[0].counterexample] == [0, 2]
    assert verify(whole, find("set"), verdict) == []


def test_a_read_of_an_element_that_nobody_added_is_a_violation_alone() -> None:
    whole = operations(("add", 1, None, 0, 1), ("read", None, (1, 7), 2, 3))
    verdict = check(whole, "set")
    assert [op.index for op in verdict.parts[0].counterexample] == [1]
    assert verify(whole, find("set"), verdict) == []


def test_reads_that_fit_each_element_but_not_each_other_are_a_violation() -> None:
    rows: list[Row] = [("add", 1, None, 0, 9), ("add", 2, None, 0, 9), ("add", 3, None, 0, 9)]
    rows += [("read", None, (1, 3), 1, 2), ("read", None, (2, 3), 1, 2)]
    verdict = check(operations(*rows), "set")
    assert (verdict.outcome, verdict.method) == ("invalid", "inclusion")
    assert sorted(op.index for op in verdict.parts[0].counterexample) == [0, 1, 3, 4]
    assert verify(operations(*rows), find("set"), verdict) == []


def test_pending_adds_and_reads_of_all_do_not_multiply() -> None:
    rows: list[Row] = [("add", element, None, 0, None) for element in range(300)]
    rows += [("read", None, tuple(range(0, shown, 3)), shown, shown + 1) for shown in range(1, 300, 10)]
    decision = decide(operations(*rows))
    assert decision is not None
    assert decision.outcome == "valid"
    rows.append(("read", None, (0,), 999, 1000))
    verdict = check(operations(*rows), "set")
    assert verdict.outcome == "invalid"
    assert len(verdict.parts[0].counterexample) == 3
    assert verify(operations(*rows), find("set"), verdict) == []


def _growing() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        f = rng.choice(("add", "add", "add", "contains", "read", "read"))
        return f, None if f == "read" else value() if f == "add" else rng.randint(1, 4)

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        if f == "read":
            return tuple(element for element in range(1, greatest + 2) if rng.random() < 0.5)
        return rng.choice((True, False)) if f == "contains" else None

    return replace(AUTHORS["set"], invoke=invoke, lie=lie)


def test_brute_force_agrees_on_sets_that_only_grow_and_every_proof_holds() -> None:
    decided: Counter[str] = Counter()
    for number in range(1500):
        rng = Random(f"growing set {number}")
        ops = history(_growing(), rng, STYLES[number % len(STYLES)], rng.randint(1, 9))
        how, problem = disagreement(find("set"), ops)
        decided[how] += 1
        assert problem is None, ops
    assert decided["valid by inclusion"] > 500
    assert decided["invalid by inclusion"] > 200


def test_pending_adds_of_many_elements_do_not_multiply() -> None:
    rows: list[Row] = [("add", element, None, 0, None) for element in range(200)]
    rows += [("contains", element, element % 2 == 0, 1, 2) for element in range(200)]
    decision = decide(operations(*rows))
    assert decision is not None
    assert decision.outcome == "valid"


def test_brute_force_agrees() -> None:
    for number in range(600):
        rng = Random(f"set {number}")
        ops = history(AUTHORS["set"], rng, STYLES[number % len(STYLES)], rng.randint(1, 8))
        assert disagreement(find("set"), ops)[1] is None, ops
