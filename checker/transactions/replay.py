"""Transactions one after another: what each would read, and a search for a serial order that explains every read.

The search is for histories in which a value was written twice, so that reads do not show who wrote what they found.
It tries all orders, with memory of what it has tried, and is meant for few transactions: it spends the budget's steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checker.budget import Budget, Meter
from checker.history import FAIL, OK, Column, identity
from checker.transactions.levels import Order
from checker.transactions.table import Data, Micro, Table

State = dict[Any, Any]


def execute(state: State, micros: tuple[Micro, ...], data: Data, *, answered: bool, begins_with: Any) -> State | None:
    """The state after a transaction, None if it would have read something else. `answered`: its reads are known."""
    state = dict(state)
    for f, key, value in micros:
        name = identity(key)
        if f == "append":
            state[name] = (*state.get(name, ()), value)
        elif f == "add":
            state[name] = state.get(name, frozenset()) | {identity(value)}
        elif f == "w":
            state[name] = value
        elif f == "inc":
            state[name] = state.get(name, 0) + value
        elif answered and not _reads(state, name, value, data, begins_with):
            return None
    return state


def _reads(state: State, name: Any, value: Any, data: Data, begins_with: Any) -> bool:
    if data == "set":
        return bool(state.get(name, frozenset()) == frozenset(identity(one) for one in value or ()))
    if data == "counter":
        return bool(state.get(name, 0) == (value or 0))
    if data == "list":
        return identity(state.get(name, ())) == identity(tuple(value or ()))
    return identity(state.get(name, begins_with)) == identity(value)


def serial_order(table: Table, order: Order, budget: Budget) -> Column | None:
    """Transactions in an order that explains every read, those without an answer only where they are needed; None if
    there is none. Raises OutOfBudget."""
    live = table.status != FAIL
    before = _before(table, order, live)
    must = sum(1 << int(txn) for txn in np.flatnonzero(table.ok))
    usable = np.flatnonzero(live).tolist()
    meter = Meter(budget)
    seen: set[Any] = set()
    start: State = {}
    stack: list[tuple[int, State, tuple[int, ...]]] = [(0, start, ())]
    while stack:
        placed, state, found = stack.pop()
        if placed & must == must:
            return np.array(found, dtype=np.int64)
        mark = (placed, identity(tuple(sorted(state.items(), key=repr))))
        if mark in seen:
            continue
        seen.add(mark)
        for txn in reversed(usable):
            if placed >> txn & 1 or before[txn] & must & ~placed:
                continue
            meter.spend(1)
            answered = bool(table.status[txn] == OK)
            after = execute(state, table.micros[txn], table.data, answered=answered, begins_with=table.begins_with)
            if after is not None:
                stack.append((placed | 1 << txn, after, (*found, txn)))
    return None


def _before(table: Table, order: Order, live: Any) -> list[int]:
    """Of each transaction those that must precede it, as bits."""
    count = len(table)
    before = [0] * count
    if order == "none":
        return before
    for one, other in zip(*(column.tolist() for column in table.session_pairs(live)), strict=True):
        before[other] |= 1 << one | before[one]
    if order == "realtime":
        done = [txn for txn in np.argsort(table.ret, kind="stable").tolist() if table.ok[txn]]
        bits, at = 0, 0
        for txn in np.argsort(table.call, kind="stable").tolist():
            while at < len(done) and table.ret[done[at]] < table.call[txn]:
                bits |= 1 << done[at]
                at += 1
            before[txn] |= bits
    return before
