"""Times are any 64-bit integers; only their order counts."""

from __future__ import annotations

from random import Random

import pytest
from msgspec import structs

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.verify import verify
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS, STYLES, history

SHIFTS = (-3, -(10**15), -(2**63), 2**62)


def _shifted(ops: list[Operation], by: int) -> list[Operation]:
    return [structs.replace(op, call=op.call + by, ret=op.ret if op.pending else op.ret + by) for op in ops]


@pytest.mark.parametrize("name", sorted(AUTHORS))
def test_a_shift_of_all_times_changes_no_verdict(name: str) -> None:
    model = find(name)
    for number in range(250):
        rng = Random(f"shift {name} {number}")
        ops = history(AUTHORS[name], rng, STYLES[number % len(STYLES)], rng.randint(1, 8))
        expected = "valid" if linearizable(model, ops) else "invalid"
        for shift in SHIFTS:
            moved = _shifted(ops, shift)
            verdict = check(moved, model)
            assert verdict.outcome == expected, (shift, moved)
            assert verify(History.of(moved), model, verdict) == [], (shift, moved)


def test_a_counter_read_before_time_zero_is_judged_like_any_other() -> None:
    add = Operation(0, 0, "add", None, 1, None, -90, -80, "ok")
    late, early = (Operation(1, 1, "read", None, None, got, -70, -60, "ok") for got in (0, 1))
    assert check([add, late], "counter").outcome == "invalid"
    assert check([add, early], "counter").outcome == "valid"
    assert add.ret < PENDING
