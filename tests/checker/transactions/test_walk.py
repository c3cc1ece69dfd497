"""A walk through what a strictly serializable store recorded finds an order; an order that is found explains all."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from checker.budget import Budget
from checker.history import History, Operation
from checker.transactions.judged import Judge, judge
from checker.transactions.replay import execute
from checker.transactions.walk import walk
from tests.checker.transactions.executions import execution, instants


def atomic_store(random: Random, transactions: int, clients: int) -> History:
    """Transactions of clients at the same time, many that write without a read; each is carried out at one instant."""
    state: dict[str, Any] = {}
    ops = []
    for at, number, client, call, ret in instants(random, transactions, clients):
        steps: list[list[Any]] = []
        for place in range(random.randint(1, 4)):
            key = f"k{random.randrange(8)}"
            if random.random() < 0.5:
                state[key] = (number, place)
                steps.append(["w", key, state[key]])
            else:
                steps.append(["r", key, state.get(key)])
        ops.append(Operation(number, client, "txn", None, steps, steps, call, ret))
        assert call < at < ret
    return History.of(sorted(ops, key=lambda op: op.call))


@pytest.mark.slow
def test_what_an_atomic_store_recorded_is_strictly_serializable_without_a_search() -> None:
    verdict = judge(atomic_store(Random(3), 1500, 12), "txn-rw-register", "strict-serializable", budget=Budget(steps=1))
    assert verdict.outcome == "valid", verdict.parts[0].reason


@pytest.mark.slow
def test_an_order_that_is_found_explains_every_read_and_keeps_real_time() -> None:
    found = 0
    for seed in range(600):
        judged = Judge(History.of(execution(Random(seed), "w", 6)), "register")
        table, happened = judged.table, judged.versions.happened
        order = walk(table, judged.versions)
        if order is None or judged.found.refuting("serializable") is not None:
            continue
        found += 1
        assert sorted(order.tolist()) == np.flatnonzero(happened).tolist()
        state: dict[Any, Any] = {}
        for at, txn in enumerate(order.tolist()):
            after = execute(state, table.micros[txn], "register", answered=bool(table.ok[txn]), begins_with=None)
            assert after is not None, f"seed {seed}: {txn} reads something else"
            state = {**state, **after}
            earlier = [one for one in order[at:].tolist() if table.ok[one] and table.ret[one] < table.call[txn]]
            assert not earlier, f"seed {seed}: {earlier} ended before {txn} was called"
    assert 100 < found < 600
