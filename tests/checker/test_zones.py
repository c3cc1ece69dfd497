"""The zones must agree with brute force on every small history, and prove what they say."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.history import PENDING, History, Operation
from checker.models.kv import KeyValue
from checker.monitors.register import decide
from checker.verdict import Decision, Part
from checker.verify import verify_part
from tests.checker.brute import linearizable
from tests.checker.register_histories import random_register

MODEL = KeyValue()


def possible(ops: Sequence[Operation]) -> bool:
    """What brute force says."""
    return linearizable(MODEL, ops)


def objection(history: History, decision: Decision) -> str | None:
    """What the independent verifier has against the proof."""
    witness = None if decision.witness is None else [int(history.index[row]) for row in decision.witness]
    counterexample = tuple(history[row] for row in decision.counterexample)
    return verify_part(history, MODEL, Part(None, decision.outcome, "", len(history), 0, 0, witness, counterexample))


def judged_right(part: History) -> str:
    """Checks a verdict and its proof against brute force; the outcome, or "none"."""
    decision = decide(part)
    if decision is None:
        return "none"
    assert (decision.outcome == "valid") == possible(list(part)), list(part)
    assert objection(part, decision) is None, list(part)
    return decision.outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cas", "refused", "unique"),
    [(False, False, True), (True, False, True), (True, True, True), (True, True, False), (False, False, False)],
    ids=["register", "cas", "refused-cas", "repeated-values", "repeated-values-no-cas"],
)
def test_every_small_history_is_judged_as_brute_force_judges_it(cas: bool, refused: bool, unique: bool) -> None:
    outcomes = {"valid": 0, "invalid": 0, "none": 0}
    for seed in range(1500):
        rng = Random(seed)
        ops = random_register(rng, rng.choice((4, 6, 8)), cas=cas, refused=refused, unique=unique)
        outcomes[judged_right(History.of(ops))] += 1
    assert outcomes["valid"] > 300
    assert outcomes["invalid"] > 50
    if unique:
        assert outcomes["none"] <= (15 if refused else 5 if cas else 0)


def part(*rows: tuple[str, Any, Any, int, int | None]) -> History:
    """Operations (f, input, output, call, return or None)."""
    ops = []
    for i, (f, asked, got, call, ret) in enumerate(rows):
        if ret is None:
            ops.append(Operation(i, i, f, None, asked, None, call, PENDING, "info"))
        else:
            ops.append(Operation(i, i, f, None, asked, got, call, ret))
    return History.of(ops)


def decided(*rows: tuple[str, Any, Any, int, int | None]) -> tuple[str, str]:
    """Method and outcome, both sound."""
    history = part(*rows)
    judged_right(history)
    decision = decide(history)
    assert decision is not None
    return decision.method, decision.outcome


def test_refused_cas_stand_in_the_order_of_their_times() -> None:
    write = ("write", 1, None, 0, 10)
    first, second = ("cas", (None, 7), False, 0, 1), ("cas", (5, 6), False, 2, 3)
    assert decided(write, first, second) == ("sandwich", "valid")


def test_a_refused_cas_may_stand_last() -> None:
    assert decided(("write", 1, None, 0, 1), ("cas", (None, 7), False, 2, 3)) == ("sandwich", "valid")


def test_a_refused_cas_that_touches_a_write_may_stand_before_it() -> None:
    write, other = ("write", 1, None, 0, 4), ("cas", (1, 2), False, 4, 5)
    assert decided(write, other) == ("sandwich", "valid")


def test_what_is_illegal_without_its_refused_cas_is_illegal() -> None:
    rows = [("write", 1, None, 0, 1), ("read", None, None, 2, 3), ("cas", (5, 7), False, 4, 5)]
    assert decided(*rows) == ("sandwich", "invalid")


def test_a_cas_from_a_value_to_itself_is_a_read() -> None:
    write, same = ("write", 1, None, 0, 1), ("cas", (1, 1), True, 2, 3)
    assert decided(write, same, ("cas", (1, 1), None, 2, None), ("read", None, 1, 4, 5)) == ("zones", "valid")


def test_values_written_twice_that_nobody_found_disturb_nobody() -> None:
    rows = [("write", 1, None, 0, 1), ("write", 1, None, 2, 3), ("write", 2, None, 4, 5), ("read", None, 2, 6, 7)]
    assert decided(*rows) == ("zones", "valid")


def test_a_delete_is_judged_unless_somebody_found_nothing() -> None:
    rows = [("write", 1, None, 0, 1), ("delete", None, None, 2, 3), ("write", 2, None, 4, 5)]
    assert decided(*rows, ("read", None, 2, 6, 7)) == ("zones", "valid")
    assert decided(*rows, ("read", None, 1, 6, 7)) == ("zones", "invalid")
    assert decide(part(*rows, ("read", None, None, 6, 7))) is None


def test_operations_that_no_register_has_are_left_to_others() -> None:
    assert decide(part(("write", 1, None, 0, 1), ("append", "x", None, 2, 3))) is None


def test_ten_thousand_pending_writes_nobody_saw_cost_no_proof() -> None:
    crashed: list[tuple[str, Any, Any, int, int | None]] = [("write", i, None, i, None) for i in range(10_000)]
    stale = [("write", -1, None, 0, 1), ("write", -2, None, 2, 3), ("read", None, -1, 4, 5)]
    decision = decide(part(*crashed, *stale))
    assert decision is not None
    assert decision.outcome == "invalid"
    assert len(decision.counterexample) == 3


@pytest.mark.slow
def test_a_counterexample_on_a_register_has_at_most_six_operations() -> None:
    longest = 0
    for seed in range(4000):
        rng = Random(seed)
        decision = decide(History.of(random_register(rng, 12, cas=False)))
        if decision is not None and decision.outcome == "invalid":
            longest = max(longest, len(decision.counterexample))
    assert 4 <= longest <= 6


def test_six_operations_are_needed_when_both_values_stand_at_both_ends() -> None:
    a = [("write", 1, None, 0, 100), ("read", None, 1, 10, 20), ("read", None, 1, 50, 60)]
    b = [("write", 2, None, 0, 100), ("read", None, 2, 30, 40), ("read", None, 2, 70, 80)]
    decision = decide(part(*a, *b))
    assert decision is not None
    assert len(decision.counterexample) == 5  # the last read of 2 is not needed: 1, 2, 1 is enough


@pytest.mark.slow
@given(st.integers(0, 2**32), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_hypothesis_finds_no_disagreement(seed: int, cas: bool, refused: bool, unique: bool) -> None:
    judged_right(History.of(random_register(Random(seed), 9, cas=cas, refused=refused, unique=unique, late=0.35)))


def test_a_stale_read_in_a_long_chain_of_cas_needs_few_links() -> None:
    chain: list[tuple[str, Any, Any, int, int | None]] = [
        ("cas", (i or None, i + 1), True, 4 * i, 4 * i + 1) for i in range(500)
    ]
    stale = ("read", None, 250, 1600, 1601)
    history = part(*chain, stale)
    decision = decide(history)
    assert decision is not None
    assert [history[row].output for row in decision.counterexample if history[row].f == "read"] == [250]
    assert len(decision.counterexample) == 3
    assert objection(history, decision) is None


def test_a_write_into_a_chain_of_cas_needs_few_links() -> None:
    chain: list[tuple[str, Any, Any, int, int | None]] = [
        ("cas", (i or None, i + 1), True, 4 * i, 4 * i + 1) for i in range(500)
    ]
    write, read = ("write", -1, None, 802, 803), ("read", None, -1, 806, 807)
    history = part(*chain, write, read)
    decision = decide(history)
    assert decision is not None
    assert len(decision.counterexample) <= 4
    assert objection(history, decision) is None
