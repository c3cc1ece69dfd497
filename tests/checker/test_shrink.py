"""What a search found is shrunk until nothing more can go, and it still proves what it proved."""

from __future__ import annotations

import pytest
from hypothesis import given

from checker.budget import Budget
from checker.history import History, Operation
from checker.models import find
from checker.search import decide
from checker.shrink import _Shrinker
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS
from tests.checker.strategies import histories
from tests.checker.test_check import FAST


@pytest.mark.slow
@pytest.mark.parametrize("name", AUTHORS)
def test_without_any_one_operation_the_rest_has_an_order_or_leaving_it_out_is_not_sound(name: str) -> None:
    model = find(name)

    @FAST
    @given(histories(name, 8))
    def holds(drawn: list[Operation]) -> None:
        ops = list(History.of(op for op in drawn if op.status != "fail"))
        if linearizable(model, ops):
            return
        decision = decide(History.of(ops), model, Budget())
        rows = _Shrinker(model, decision.steps, Budget()).minimal(ops)
        assert not linearizable(model, [ops[row] for row in rows])
        for row in rows:
            kept = [ops[other] for other in rows if other != row]
            dropped = [one for at, one in enumerate(ops) if at == row or at not in rows]
            assert not model.may_leave_out(dropped, kept) or linearizable(model, kept), (ops, rows, row)

    holds()
