"""Times are any 64-bit integers; only their order counts."""

from __future__ import annotations

from random import Random

import pytest
from msgspec import structs

from checker.check import check
from checker.errors import HistoryError
from checker.history import BEGINNING, PENDING, History, Operation
from checker.models import find
from checker.verify import verify
from tests.checker.fuzz import expected_outcome
from tests.checker.generate import AUTHORS, STYLES, history

BEGINS = (-3, -(10**15), BEGINNING + 1, 2**62)


def _moved(ops: list[Operation], begin: int) -> list[Operation]:
    """The operations, all moved in time by the same, so that the first call is at `begin`."""
    by = begin - min(op.call for op in ops)
    return [structs.replace(op, call=op.call + by, ret=op.ret if op.pending else op.ret + by) for op in ops]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(AUTHORS))
def test_a_shift_of_all_times_changes_no_verdict(name: str) -> None:
    model = find(name)
    for number in range(250):
        rng = Random(f"shift {name} {number}")
        ops = history(AUTHORS[name], rng, STYLES[number % len(STYLES)], rng.randint(1, 8))
        expected = expected_outcome(model, ops)
        for begin in BEGINS:
            moved = _moved(ops, begin)
            verdict = check(moved, model)
            assert verdict.outcome == expected, (begin, moved)
            assert verify(History.of(moved), model, verdict) == [], (begin, moved)


def test_a_counter_read_before_time_zero_is_judged_like_any_other() -> None:
    add = Operation(0, 0, "add", None, 1, None, -90, -80, "ok")
    late, early = (Operation(1, 1, "read", None, None, got, -70, -60, "ok") for got in (0, 1))
    assert check([add, late], "counter").outcome == "invalid"
    assert check([add, early], "counter").outcome == "valid"
    assert add.ret < PENDING


def test_the_least_number_is_no_time() -> None:
    with pytest.raises(HistoryError, match="shift them"):
        check([Operation(0, 0, "read", None, None, None, BEGINNING, 0, "ok")])


@pytest.mark.parametrize(("call", "ret"), [(2**63, 2**63 + 1), (0, 2**64), (-(2**63) - 1, 0), (-(2**80), 2**80)])
def test_a_time_beyond_64_bits_is_refused_in_a_sentence(call: int, ret: int) -> None:
    with pytest.raises(HistoryError, match=r"operation #7 \(read\): times are whole ns of 64 bits"):
        History.of([Operation(7, 0, "read", None, None, None, call, ret, "ok")])


def test_an_operation_that_returns_before_its_call_is_refused_in_a_sentence() -> None:
    with pytest.raises(HistoryError, match=r"operation #7 \(read\) returns at 1 before its call at 2"):
        History.of([Operation(7, 0, "read", None, None, None, 2, 1, "ok")])
