"""The dumb twin of the judge of transactions: all orders of all sets of transactions that may have happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from checker.history import PENDING, History, Operation, Status
from checker.properties import decider

pytestmark = pytest.mark.slow

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
def test_registers_are_accused_or_passed_only_where_that_is_right(seed: int) -> None:
    random = Random(seed)
    accused = passed = unknown = 0
    for _ in range(400):
        rows = execute(random, "w", random.randint(2, 5), rmw=False)
        decision = decider("txn-rw-register")(history(rows))
        possible = serializable(rows)
        assert decision.outcome != ("invalid" if possible else "valid"), (rows, decision)
        accused += decision.outcome == "invalid"
        passed += decision.outcome == "valid"
        unknown += decision.outcome == "unknown"
        if decision.outcome == "unknown":
            assert decision.reason is not None
            assert "the order of versions is not known" in decision.reason
            assert not possible, "so few transactions leave no order untried"
    assert accused > 20
    assert passed > 20
    assert unknown < passed


@pytest.mark.parametrize("seed", range(8))
def test_registers_whose_writes_follow_reads_are_accused_if_and_only_if_no_order_explains_them(seed: int) -> None:
    random = Random(seed)
    for _ in range(400):
        rows: list[Row] = [(steps, "ok" if s == "info" else s) for steps, s in execute(random, "w", 4, rmw=True)]
        decision = decider("txn-rw-register")(history(rows))
        assert (decision.outcome == "invalid") == (not serializable(rows)), (rows, decision)


def test_long_serial_executions_of_blind_writes_are_found_serializable() -> None:
    random = Random(7)
    state: dict[str, Any] = {}
    rows: list[Row] = []
    for number in range(1500):
        steps: Steps = []
        for place in range(random.randint(1, 4)):
            key = f"k{random.randrange(30)}"
            if random.random() < 0.5:
                state[key] = 10 * number + place
                steps.append(["w", key, state[key]])
            else:
                steps.append(["r", key, state.get(key)])
        rows.append((steps, "ok"))
    assert decider("txn-rw-register")(history(rows)).outcome == "valid"


@pytest.mark.parametrize("seed", range(3))
def test_transactions_of_a_few_clients_that_took_effect_while_they_ran_are_found_serializable(seed: int) -> None:
    """Blind writes to many keys, five clients at a time, some without an answer: only real time says where to look."""
    random = Random(f"clients {seed}")
    executed, free, state = list[Operation](), [0] * 5, dict[str, Any]()
    plans = []
    for number in range(1500):
        client = free.index(min(free))
        call = free[client]
        ret = call + random.randint(10, 100)
        plans.append((random.randint(call + 1, ret - 1), number, client, call, ret))
        free[client] = ret + random.randint(1, 20)
    for _, number, client, call, ret in sorted(plans):
        output: Steps = []
        for place in range(random.randint(1, 4)):
            key = f"k{min(int(random.expovariate(0.2)), 60)}"
            if random.random() < 0.5:
                state[key] = 10 * number + place
                output.append(["w", key, state[key]])
            else:
                output.append(["r", key, state.get(key)])
        asked = [[f, key, None if f == "r" else value] for f, key, value in output]
        status: Status = "info" if random.random() < 0.01 else "ok"
        got, end = (output, ret) if status == "ok" else (None, PENDING)
        executed.append(Operation(number, client, "txn", None, asked, got, call, end, status))
    whole = History.of(sorted(executed, key=lambda op: op.index))
    assert decider("txn-rw-register")(whole).outcome == "valid"


@pytest.mark.parametrize("seed", range(4))
def test_registers_that_begin_with_a_value_are_judged_like_those_that_begin_empty(seed: int) -> None:
    random = Random(f"begins {seed}")
    for _ in range(150):
        rows = execute(random, "w", random.randint(2, 5), rmw=False)
        zero: list[Row] = [
            ([[f, key, 0 if f == "r" and value is None else value] for f, key, value in steps], status)
            for steps, status in rows
        ]
        begun = decider("txn-rw-register", 0)(history(zero))
        assert begun.outcome == decider("txn-rw-register")(history(rows)).outcome, rows


def test_an_initial_value_is_suggested_where_it_explains_every_read_of_what_nobody_wrote() -> None:
    rows: list[Row] = [([["r", "x", 0], ["w", "x", 1]], "ok"), ([["r", "y", 0], ["r", "x", 1]], "ok")]
    explanation = decider("txn-rw-register")(history(rows)).explanation
    assert explanation is not None
    assert explanation.sentence.endswith("If registers initially hold 0, check with --initial 0.")
    assert decider("txn-rw-register", 0)(history(rows)).outcome == "valid"
    nothing: list[Row] = [([["r", "x", None]], "ok")]
    explanation = decider("txn-rw-register", 0)(history(nothing)).explanation
    assert explanation is not None
    assert explanation.sentence == 'Phantom value: #0 read nothing from "x", though registers initially hold 0.'


def test_a_value_that_registers_begin_with_and_a_transaction_writes_cannot_be_told_apart() -> None:
    rows: list[Row] = [([["w", "x", 0]], "ok"), ([["r", "x", 0]], "ok")]
    assert decider("txn-rw-register", 0)(history(rows)).outcome == "unknown"
    assert decider("txn-rw-register")(history(rows)).outcome == "valid"


def test_true_is_not_one() -> None:
    rows: list[Row] = [([["w", "x", 1]], "ok"), ([["r", "x", True]], "ok")]
    assert decider("txn-rw-register")(history(rows)).outcome == "invalid"


def test_a_long_fork_and_a_write_skew_are_told_apart() -> None:
    fork: list[Row] = [
        ([["append", "x", 1]], "ok"),
        ([["append", "y", 1]], "ok"),
        ([["r", "x", [1]], ["r", "y", []]], "ok"),
        ([["r", "x", []], ["r", "y", [1]]], "ok"),
    ]
    skew: list[Row] = [
        ([["r", "x", []], ["append", "y", 1]], "ok"),
        ([["r", "y", []], ["append", "x", 1]], "ok"),
    ]
    read_only: list[Row] = [
        ([["r", "x", []], ["r", "y", [1]]], "ok"),
        ([["r", "y", []], ["append", "x", 1]], "ok"),
        ([["append", "y", 1]], "ok"),
    ]
    for rows, kind, words in (
        (fork, "G-nonadjacent", "a long fork"),
        (skew, "G2", "a write skew"),
        (read_only, "G2", "a cycle of reads that missed writes"),
    ):
        explanation = decider("txn-list-append")(history(rows)).explanation
        assert explanation is not None
        assert explanation.kind == kind
        assert f"{words} ({kind})" in explanation.sentence
        for edge, following in zip(explanation.cycle, (*explanation.cycle[1:], explanation.cycle[0]), strict=True):
            assert edge.after == following.before
