"""The dumb twin of the judge of transactions: all orders of all sets of transactions that may have happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from checker.history import PENDING, History, Operation, Status
from checker.properties import decider

Steps = list[list[Any]]
Row = tuple[Steps, Status]


def history(rows: list[Row]) -> History:
    """One transaction per row; all overlap, so only serializability is asked."""
    ops = []
    for i, (steps, status) in enumerate(rows):
        asked = [[f, key, None if f == "r" else value] for f, key, value in steps]
        ret = PENDING if status == "info" else 1000 + i
        ops.append(Operation(i, i, "txn", None, asked, steps if status == "ok" else None, i, ret, status))
    return History.of(ops)


def explains(order: tuple[Row, ...]) -> bool:
    """Whether this serial execution shows each ok transaction what it read."""
    state: dict[str, Any] = {}
    for steps, status in order:
        for f, key, value in steps:
            if f == "append":
                state[key] = [*state.get(key, []), value]
            elif f == "w":
                state[key] = value
            elif status == "ok" and (state.get(key) or None) != (value or None):
                return False
    return True


def serializable(rows: list[Row]) -> bool:
    """All ok transactions and some of unknown outcome, in some order."""
    sure = [row for row in rows if row[1] == "ok"]
    unsure = [row for row in rows if row[1] == "info"]
    return any(
        explains(order)
        for size in range(len(unsure) + 1)
        for some in itertools.combinations(unsure, size)
        for order in itertools.permutations([*sure, *some])
    )


def execute(random: Random, write: str, transactions: int, *, rmw: bool) -> list[Row]:
    """A random execution: steps of the transactions interleaved at times, reads stale or wrong at times.

    With `rmw` every write follows a read of its key, which makes a register's versions one known chain.
    """
    plans: list[Steps] = []
    for number in range(transactions):
        steps: Steps = []
        for place in range(random.randint(1, 3)):
            key = random.choice("xy")
            writes = random.random() < 0.5
            if not writes or (rmw and ["r", key, None] not in steps):
                steps.append(["r", key, None])
            if writes:
                steps.append([write, key, 10 * number + place + 1])
        plans.append(steps)
    turns = [i for i, steps in enumerate(plans) for _ in steps]
    if random.random() < 0.5:
        random.shuffle(turns)
    left: list[Iterator[list[Any]]] = [iter(steps) for steps in plans]
    states: list[dict[str, Any]] = [{}]
    for turn in turns:
        step = next(left[turn])
        state = states[-1]
        f, name, value = step[0], step[1], step[2]
        if f == "r":
            seen = random.choice(states) if random.random() < 0.1 else state
            step[2] = list(seen.get(name, [])) if write == "append" else seen.get(name)
        else:
            states.append({**state, name: [*state.get(name, []), value] if f == "append" else value})
    statuses: list[Status] = random.choices(("ok", "info", "fail"), (8, 2, 0.5), k=transactions)
    return list(zip(plans, statuses, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_lists_are_accused_if_and_only_if_no_order_explains_them(seed: int) -> None:
    random = Random(seed)
    accused = 0
    for _ in range(400):
        rows = execute(random, "append", random.randint(2, 5), rmw=False)
        decision = decider("txn-list-append")(history(rows))
        assert (decision.outcome == "invalid") == (not serializable(rows)), (rows, decision)
        accused += decision.outcome == "invalid"
    assert 20 < accused < 380


@pytest.mark.parametrize("seed", range(8))
def test_registers_are_never_accused_while_an_order_explains_them(seed: int) -> None:
    random = Random(seed)
    accused = missed = 0
    for _ in range(400):
        rows = execute(random, "w", random.randint(2, 5), rmw=False)
        decision = decider("txn-rw-register")(history(rows))
        possible = serializable(rows)
        assert not (decision.outcome == "invalid" and possible), (rows, decision)
        accused += decision.outcome == "invalid"
        missed += decision.outcome == "valid" and not possible
    assert accused > 20
    assert missed <= accused, "their order of versions is often unknown"


@pytest.mark.parametrize("seed", range(8))
def test_registers_whose_writes_follow_reads_are_accused_if_and_only_if_no_order_explains_them(seed: int) -> None:
    random = Random(seed)
    for _ in range(400):
        rows: list[Row] = [(steps, "ok" if s == "info" else s) for steps, s in execute(random, "w", 4, rmw=True)]
        decision = decider("txn-rw-register")(history(rows))
        assert (decision.outcome == "invalid") == (not serializable(rows)), (rows, decision)
