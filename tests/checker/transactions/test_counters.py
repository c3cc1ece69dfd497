"""Counters: what a thousand transactions recorded in real time is decided; small histories are as all orders say."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

import pytest

from checker.history import History, Operation
from checker.transactions.judged import judge
from checker.transactions.replay import execute
from checker.transactions.verify import verify
from tests.checker.transactions.executions import instants


def recorded(random: Random, transactions: int, clients: int, keys: str, *, falls: bool) -> list[Operation]:
    """What clients of an atomic store recorded."""
    sums, ops = dict.fromkeys(keys, 0), []
    for _, number, client, call, ret in instants(random, transactions, clients):
        steps: list[list[Any]] = []
        for _ in range(random.randint(1, 3)):
            key = random.choice(keys)
            if random.random() < 0.5:
                steps.append(["r", key, sums[key]])
            else:
                steps.append(["inc", key, random.choice((-1, 1, 2) if falls else (1, 2))])
                sums[key] += steps[-1][2]
        ops.append(Operation(number, client, "txn", None, steps, steps, call, ret))
    return sorted(ops, key=lambda op: op.call)


@pytest.mark.slow
def test_a_thousand_transactions_in_real_time_are_decided() -> None:
    history = History.of(recorded(Random(1), 1000, 8, "uvwxyz", falls=False))
    verdict = judge(history, "txn-counter", "serializable")
    assert verdict.outcome == "valid", verdict.parts[0].reason
    assert verify(history, verdict) == []


def holds(ops: list[Operation], level: str) -> bool:
    for order in permutations(ops):
        if level == "strict-serializable" and any(
            late.ret < early.call for at, early in enumerate(order) for late in order[at:]
        ):
            continue
        state: dict[Any, Any] = {}
        for op in order:
            writes = execute(state, tuple(map(tuple, op.output)), "counter", answered=True, begins_with=None)
            if writes is None:
                break
            state |= writes
        else:
            return True
    return False


@pytest.mark.slow
def test_small_ones_are_as_all_orders_say_and_refutations_are_verified() -> None:
    random, found = Random(2), {"valid": 0, "invalid": 0}
    for _ in range(150):
        ops = recorded(random, random.randint(2, 5), 3, random.choice(("x", "xy")), falls=random.random() < 0.3)
        wrong = random.randrange(len(ops))
        steps = [[f, key, value + (f == "r" and random.choice((-1, 1)))] for f, key, value in ops[wrong].output]
        ops[wrong] = replace_output(ops[wrong], steps)
        for level in ("serializable", "strict-serializable"):
            verdict = judge(History.of(ops), "txn-counter", level)
            assert (verdict.outcome == "valid") == holds(ops, level), ops
            assert verify(History.of(ops), verdict) == []
            found[verdict.outcome] += 1
            other = replace(verdict, parts=(replace(verdict.parts[0], outcome="valid", witness=range(len(ops))),))
            if verdict.outcome == "invalid":
                assert verify(History.of(ops), replace(other, outcome="valid"))
    assert min(found.values()) > 50, found


def replace_output(op: Operation, steps: list[list[Any]]) -> Operation:
    return Operation(op.index, op.process, op.f, op.key, steps, steps, op.call, op.ret)
