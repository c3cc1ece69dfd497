"""Transactions one after another: what each would read, and a search for a serial order that explains every read.

The search is for histories in which reads do not show who wrote what they found: a value was written twice, or a
counter was read. It tries all orders, depth first and the first to return first, with memory of what it has tried:

* Of what may be next, a transaction that finds what it read and writes nothing can be placed at once: later it would
  hinder others, and now it hinders none.
* A counter to which nothing negative is added only grows. So none may grow beyond what another transaction has yet to
  read. With this, the search through what a system recorded in real time seldom turns back for long.

States are remembered by random numbers of 128 bits.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from random import Random
from typing import Any

import numpy as np

from checker.budget import Budget, Meter
from checker.history import FAIL, OK, Column, identity
from checker.transactions.levels import Order
from checker.transactions.table import Data, Micro, Table

State = dict[Any, Any]
Ended = tuple[float, int]
"""When a transaction ended, and its number."""

FIRST: Ended = (-math.inf, -1)


def execute(state: State, micros: tuple[Micro, ...], data: Data, *, answered: bool, begins_with: Any) -> State | None:
    """What a transaction writes, None if it would have read something else. `answered`: its reads are known."""
    own: State = {}
    for f, key, value in micros:
        name = identity(key)
        found = own[name] if name in own else state.get(name)
        if f == "append":
            own[name] = (*(found or ()), value)
        elif f == "add":
            own[name] = (found or frozenset()) | {identity(value)}
        elif f == "w":
            own[name] = value
        elif f == "inc":
            own[name] = (found or 0) + value
        elif answered and not _reads(found, name in own or name in state, value, data, begins_with):
            return None
    return own


def _reads(found: Any, written: bool, value: Any, data: Data, begins_with: Any) -> bool:
    if data == "set":
        return bool((found or frozenset()) == frozenset(identity(one) for one in value or ()))
    if data == "counter":
        return bool((found or 0) == (value or 0))
    if data == "list":
        return identity(tuple(found or ())) == identity(tuple(value or ()))
    return identity(found if written else begins_with) == identity(value)


class _Growing:
    """Counters that only grow: of each the sums that transactions not yet placed have read, before their own."""

    def __init__(self, table: Table, txns: list[int]) -> None:
        self.impossible = False
        """A transaction contradicts itself."""
        self.needs: dict[int, dict[Any, int]] = {}
        falls = set()
        for txn in txns if table.data == "counter" else ():
            own: dict[Any, int] = {}
            need = self.needs[txn] = {}
            for f, key, value in table.micros[txn]:
                name = identity(key)
                if f == "inc":
                    own[name] = own.get(name, 0) + value
                    if value < 0:
                        falls.add(name)
                elif table.status[txn] == OK:
                    before = (value or 0) - own.get(name, 0)
                    self.impossible |= need.setdefault(name, before) != before
        self.read: dict[Any, list[int]] = {}
        for txn, need in self.needs.items():
            self.needs[txn] = {name: before for name, before in need.items() if name not in falls}
            self.take_back(txn)

    def allows(self, txn: int, writes: State) -> bool:
        """Whether nothing that it adds to has yet to be read as it was."""
        for name, value in writes.items():
            sums = self.read.get(name)
            if sums and sums[0] < value:
                mine = self.needs[txn].get(name)
                if mine != sums[0] or (len(sums) > 1 and sums[1] < value):
                    return False
        return True

    def place(self, txn: int) -> None:
        for name, before in self.needs.get(txn, {}).items():
            del self.read[name][bisect_left(self.read[name], before)]

    def take_back(self, txn: int) -> None:
        for name, before in self.needs.get(txn, {}).items():
            insort(self.read.setdefault(name, []), before)


class _Search:
    def __init__(self, table: Table, order: Order, budget: Budget) -> None:
        live = table.status != FAIL
        writes = [any(micro[0] != "r" for micro in micros) for micros in table.micros]
        txns = [txn for txn in np.flatnonzero(live).tolist() if writes[txn] or table.ok[txn]]
        self.table, self.meter, self.writes_any = table, Meter(budget), writes
        ok, calls, rets = table.ok.tolist(), table.call.tolist(), table.ret.tolist()
        self.ok = ok
        self.end = [ret if done else math.inf for ret, done in zip(rets, ok, strict=True)]
        self.call = calls if order == "realtime" else [-math.inf] * len(calls)
        self.before: dict[int, int] = {}
        if order != "none":
            one, other = table.session_pairs(live)
            self.before = dict(zip(other.tolist(), one.tolist(), strict=True))
        self.to_come = sorted(txns, key=lambda txn: self.call[txn], reverse=True)
        self.open: list[Ended] = []
        self.left = sum(ok[txn] for txn in txns)
        """How many that certainly happened are not yet placed."""
        self.growing = _Growing(table, txns)
        self.state: State = {}
        self.placed: list[int] = []
        self.is_placed = [False] * len(table)
        self.undo: list[State] = []
        self.random = Random(0)
        self.marks: dict[Any, int] = {}
        self.mark = 0

    def next(self, after: Ended) -> tuple[Ended, State] | None:
        """The first to return of those that may be next, later than the one tried before, and what it writes."""
        bound = self.open[0][0] if self.open else math.inf
        while self.to_come and self.call[self.to_come[-1]] <= bound:
            txn = self.to_come.pop()
            insort(self.open, (self.end[txn], txn))
            bound = self.open[0][0]
        for one in self.open[bisect_right(self.open, after) :] if after is not FIRST else self.open:
            txn = one[1]
            if self.call[txn] > bound or (txn in self.before and not self.is_placed[self.before[txn]]):
                continue
            self.meter.spend(1)
            table = self.table
            writes = execute(
                self.state, table.micros[txn], table.data, answered=self.ok[txn], begins_with=table.begins_with
            )
            if writes is not None and self.growing.allows(txn, writes):
                return one, writes
        return None

    def place(self, one: Ended, writes: State) -> None:
        txn = one[1]
        self.growing.place(txn)
        self.undo.append({name: self.state[name] for name in writes if name in self.state})
        for name, value in writes.items():
            self.mark ^= self._mark(name, self.state.get(name)) ^ self._mark(name, value)
        self.state.update(writes)
        del self.open[bisect_left(self.open, one)]
        self.placed.append(txn)
        self.is_placed[txn] = True
        self.left -= self.ok[txn]
        self.mark ^= self._mark(txn)

    def take_back(self) -> None:
        txn, before = self.placed.pop(), self.undo.pop()
        micros = self.table.micros[txn]
        for name in {identity(key) for f, key, _ in micros if f != "r"}:
            self.mark ^= self._mark(name, self.state[name]) ^ self._mark(name, before.get(name))
            if name in before:
                self.state[name] = before[name]
            else:
                del self.state[name]
        insort(self.open, (self.end[txn], txn))
        self.is_placed[txn] = False
        self.left += self.ok[txn]
        self.mark ^= self._mark(txn)
        self.growing.take_back(txn)

    def _mark(self, *what: Any) -> int:
        if self.table.data == "counter" and len(what) == 2:
            return 0  # what is placed tells the sums
        name = identity(what)
        if name not in self.marks:
            self.marks[name] = self.random.getrandbits(128)
        return self.marks[name]


def serial_order(table: Table, order: Order, budget: Budget) -> Column | None:
    """Transactions in an order that explains every read, those without an answer only where they are needed; None if
    there is none. Raises OutOfBudget."""
    search = _Search(table, order, budget)
    if search.growing.impossible:
        return None
    tried, seen = [FIRST], set[int]()
    while search.left:
        found = search.next(tried[-1])
        while found is None:
            tried.pop()
            if not tried:
                return None
            search.take_back()
            found = search.next(tried[-1]) if search.writes_any[tried[-1][1]] else None
        tried[-1] = found[0]
        search.place(*found)
        if search.mark in seen:
            search.take_back()
            if not search.writes_any[found[0][1]]:
                tried[-1] = (math.inf, len(table))  # one that only reads has no alternative
            continue
        seen.add(search.mark)
        tried.append(FIRST)
    return np.array(search.placed, dtype=np.int64)
