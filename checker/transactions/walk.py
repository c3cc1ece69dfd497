"""A guess at the order of versions: a serial order that keeps real time, found by a walk over the transactions.

Values are unique, so a version that is overwritten never comes back: a transaction may be next only where it finds what
it read, and where no other transaction has yet to read what it overwrites. With this, the walk through what a strictly
serializable store recorded hardly ever has to turn back. It finds such an order or gives up; it refutes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.history import Column, identity
from checker.transactions.table import Table

STEPS_PER_TXN = 100
"""How often transactions may be placed, for each of them, before the walk gives up."""

Version = tuple[Any, Any]


@dataclass
class _Txn:
    """What a transaction found first in each key, and what it left there."""

    reads: dict[Any, Any] = field(default_factory=dict)
    writes: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, micros: tuple[Any, ...], *, answered: bool) -> _Txn:
        txn = cls()
        for f, key, value in micros:
            name = identity(key)
            if f == "w":
                txn.writes[name] = identity(value)
            elif answered and name not in txn.writes:
                txn.reads[name] = identity(value)
        return txn


class _Walk:
    def __init__(self, table: Table, happened: NDArray[np.bool_]) -> None:
        self.begins_with = identity(table.begins_with)
        self.txns = {
            txn: _Txn.of(table.micros[txn], answered=bool(table.ok[txn])) for txn in np.flatnonzero(happened).tolist()
        }
        self.call = table.call.tolist()
        self.end = [ret if ok else math.inf for ret, ok in zip(table.ret.tolist(), table.ok.tolist(), strict=True)]
        self.to_come = sorted(self.txns, key=lambda txn: self.call[txn], reverse=True)
        self.open: set[int] = set()
        """Called and not yet placed."""
        self.state: dict[Any, Any] = {}
        self.unread: dict[Version, int] = {}
        """Of each version how many transactions have yet to read it."""
        for txn in self.txns.values():
            for version in txn.reads.items():
                self.unread[version] = self.unread.get(version, 0) + 1
        self.mark = 0
        """Of what is placed and of the state, as one number: the same again need not be tried again."""
        self.placed: list[int] = []
        self.undo: list[list[Version]] = []

    def next(self) -> list[int]:
        """The transactions that may be next, the first to return first; one that only reads has no alternative."""
        bound = min((self.end[txn] for txn in self.open), default=math.inf)
        while self.to_come and self.call[self.to_come[-1]] <= bound:
            txn = self.to_come.pop()
            self.open.add(txn)
            bound = min(bound, self.end[txn])
        fit = [txn for txn in self.open if self.call[txn] <= bound and self._fits(self.txns[txn])]
        for txn in fit:
            if not self.txns[txn].writes:
                return [txn]
        return sorted(fit, key=lambda txn: (self.end[txn], txn))

    def _at(self, key: Any) -> Any:
        return self.state.get(key, self.begins_with)

    def _fits(self, txn: _Txn) -> bool:
        if any(self._at(key) != value for key, value in txn.reads.items()):
            return False
        return all(self.unread.get((key, self._at(key)), 0) == (key in txn.reads) for key in txn.writes)

    def _set(self, values: dict[Any, Any]) -> None:
        for key, value in values.items():
            self.mark ^= hash((key, self._at(key))) ^ hash((key, value))
            self.state[key] = value

    def place(self, number: int) -> None:
        txn = self.txns[number]
        for version in txn.reads.items():
            self.unread[version] -= 1
        self.undo.append([(key, self._at(key)) for key in txn.writes])
        self._set(txn.writes)
        self.mark ^= hash((number, "placed"))
        self.open.remove(number)
        self.placed.append(number)

    def take_back(self) -> None:
        number = self.placed.pop()
        self.open.add(number)
        self._set(dict(self.undo.pop()))
        self.mark ^= hash((number, "placed"))
        for version in self.txns[number].reads.items():
            self.unread[version] += 1


def walk(table: Table, happened: NDArray[np.bool_]) -> Column | None:
    """The place of each transaction in a serial order of those that happened, which keeps real time and explains every
    read; None if none was found in STEPS_PER_TXN * len(table) steps. `table` is one of registers."""
    walked = _Walk(table, happened)
    choices, tried = [walked.next()], set[int]()
    for _ in range(STEPS_PER_TXN * len(table)):
        if len(walked.placed) == len(walked.txns):
            place = np.zeros(len(table), dtype=np.int64)
            place[walked.placed] = np.arange(len(walked.placed))
            return place
        while not choices[-1]:
            choices.pop()
            if not choices:
                return None
            walked.take_back()
        walked.place(choices[-1].pop(0))
        new = walked.mark not in tried
        tried.add(walked.mark)
        choices.append(walked.next() if new else [])
    return None
