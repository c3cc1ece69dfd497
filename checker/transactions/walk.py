"""A serial order that keeps real time, found by a walk over the transactions of registers.

Values are unique, so a version that is overwritten never comes back: a transaction may be next only where it finds what
it read, and where no other transaction has yet to read what it overwrites. With this, the walk through what a strictly
serializable store recorded hardly ever has to turn back. It finds such an order or gives up; it refutes nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort

import numpy as np

from checker.history import Column
from checker.transactions.table import Table
from checker.transactions.versions import Versions

STEPS_PER_TXN = 100
"""How often transactions may be placed, for each of them, before the walk gives up."""

Ended = tuple[float, int]
"""When a transaction ended, and its number."""

FIRST: Ended = (-math.inf, -1)


class _Walk:
    def __init__(self, table: Table, versions: Versions) -> None:
        happened = np.flatnonzero(versions.happened)
        count, self.keys = len(table), versions.key.tolist()
        self.call = table.call.tolist()
        ok = table.ok
        self.end = [ret if done else math.inf for ret, done in zip(table.ret.tolist(), ok.tolist(), strict=True)]
        pairs = np.unique(versions.read_txn * len(self.keys) + versions.read_ver)
        reader, read = pairs // max(len(self.keys), 1), pairs % max(len(self.keys), 1)
        self.reads = _grouped(count, reader, read)
        """By transaction the versions that it read."""
        written = np.flatnonzero(versions.writer >= 0)
        written = written[np.argsort(versions.writer[written], kind="stable")]
        self.writes = _grouped(count, versions.writer[written], written)
        self.unread = np.bincount(read, minlength=len(self.keys)).tolist()
        """Of each version how many transactions have yet to read it."""
        self.state = list(range(len(versions.keys)))
        """By key its version: the initial ones have the numbers of the keys."""
        self.to_come = happened[np.argsort(table.call[happened], kind="stable")][::-1].tolist()
        self.count = len(self.to_come)
        self.open: list[Ended] = []
        """Called and not yet placed, the first to return first."""
        self.mark = 0
        """Of what is placed and of the state, as one number: the same again need not be tried again."""
        random = np.random.default_rng(0)
        self.of_txn = random.integers(1 << 62, size=count).tolist()
        self.of_version = random.integers(1 << 62, size=len(self.keys)).tolist()
        self.placed: list[int] = []
        self.undo: list[list[int]] = []

    def next(self, after: Ended) -> Ended | None:
        """The first transaction to return of those that may be next, later than the one tried before."""
        opened, call, to_come = self.open, self.call, self.to_come
        bound = opened[0][0] if opened else math.inf
        while to_come and call[to_come[-1]] <= bound:
            txn = to_come.pop()
            insort(opened, (self.end[txn], txn))
            bound = opened[0][0]
        for one in opened if after is FIRST else opened[bisect_right(opened, after) :]:
            if call[one[1]] <= bound and self._fits(one[1]):
                return one
        return None

    def _fits(self, txn: int) -> bool:
        state, keys, unread, read = self.state, self.keys, self.unread, self.reads[txn]
        for version in read:
            if state[keys[version]] != version:
                return False
        for version in self.writes[txn]:
            found = state[keys[version]]
            if unread[found] != (found in read):
                return False
        return True

    def place(self, one: Ended) -> None:
        txn, state = one[1], self.state
        for version in self.reads[txn]:
            self.unread[version] -= 1
        found = [state[self.keys[version]] for version in self.writes[txn]]
        self.undo.append(found)
        self._replace(found, self.writes[txn])
        self.mark ^= self.of_txn[txn]
        del self.open[bisect_right(self.open, one) - 1]
        self.placed.append(txn)

    def take_back(self) -> None:
        txn = self.placed.pop()
        insort(self.open, (self.end[txn], txn))
        self._replace(self.writes[txn], self.undo.pop())
        self.mark ^= self.of_txn[txn]
        for version in self.reads[txn]:
            self.unread[version] += 1

    def _replace(self, old: list[int], new: list[int]) -> None:
        for version, other in zip(old, new, strict=True):
            self.mark ^= self.of_version[version] ^ self.of_version[other]
            self.state[self.keys[other]] = other


def _grouped(count: int, txn: Column, version: Column) -> list[list[int]]:
    """By transaction its versions; the columns are in order of transactions."""
    begin = np.searchsorted(txn, np.arange(count + 1)).tolist()
    every = version.tolist()
    return [every[begin[one] : begin[one + 1]] for one in range(count)]


def walk(table: Table, versions: Versions) -> Column | None:
    """Those that happened in a serial order, which keeps real time and explains every read; None if none was found in
    STEPS_PER_TXN * len(table) steps. `versions` are those of registers."""
    walked = _Walk(table, versions)
    tried, seen = [FIRST], set[int]()
    for _ in range(STEPS_PER_TXN * len(table)):
        if len(walked.placed) == walked.count:
            return np.array(walked.placed, dtype=np.int64)
        one = walked.next(tried[-1])
        while one is None:
            tried.pop()
            if not tried:
                return None
            walked.take_back()
            # one that only reads has no alternative: it hinders those that write what it read, and no others
            only_reads = not walked.writes[tried[-1][1]]
            one = None if only_reads else walked.next(tried[-1])
        tried[-1] = one
        walked.place(one)
        if walked.mark in seen:
            walked.take_back()
            continue
        seen.add(walked.mark)
        tried.append(FIRST)
    return None
