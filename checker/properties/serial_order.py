"""Searches for one serial order of transactions on registers that explains what each of them read.

Where the order of versions is not known, the absence of a cycle among what is known proves nothing; an order that
replays does. Transactions are placed one after another: one may come next if all that must precede it is placed, it
reads what is there now, and no transaction that is not placed yet read a version that it would replace. Those that only
read are placed as soon as they may; among writers the one that returned first is tried first, as most systems serialize
in about that order. A dead end takes back the last writer that was not the only choice, within a bounded number of
steps.

An order that also keeps real time is looked for first: then only what overlapped can be taken wrongly, and a dead end
shows soon. Most systems have one; where there is none, any order will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import networkx as nx

from checker.history import BEGINNING, PENDING

STEPS_PER_TRANSACTION = 400
STEPS_MAX = 400_000
"""Transactions tried before the search gives up."""


@dataclass
class Transaction:
    """What a transaction read of others, and what it left, by key."""

    index: int
    call: int
    ret: int
    """PENDING where it is not known when it took effect."""
    reads: dict[Any, Any] = field(default_factory=dict)
    writes: dict[Any, Any] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        """About when it took effect, as far as is known."""
        return self.call if self.ret == PENDING else self.ret


INITIAL: Any = None
"""The version of a key that no transaction wrote."""


def explains(order: Sequence[Transaction]) -> bool:
    """Whether this serial execution shows each transaction what it read."""
    state: dict[Any, Any] = {}
    for transaction in order:
        if any(state.get(key, INITIAL) != value for key, value in transaction.reads.items()):
            return False
        state.update(transaction.writes)
    return True


def find(transactions: Mapping[int, Transaction], known: nx.DiGraph[int]) -> list[int] | None:
    """Indices in an order that was replayed and explains all reads; None if none was found. `known` has no cycle."""
    for edges in (chain(known.edges, _real_time(transactions.values())), known.edges):
        order = _Search(transactions, edges).run()
        if order is not None and len(order) == len(transactions):
            return order if explains([transactions[index] for index in order]) else None
    return None


def _real_time(transactions: Iterable[Transaction]) -> Iterator[tuple[int, int]]:
    """Pairs of which the first returned before the second was called; those that follow from others are left out."""
    returned = sorted((one for one in transactions if one.ret != PENDING), key=lambda one: one.ret)
    at, newest, recent = 0, BEGINNING, list[Transaction]()
    for later in sorted(transactions, key=lambda one: one.call):
        while at < len(returned) and returned[at].ret < later.call:
            recent.append(returned[at])
            newest = max(newest, returned[at].call)
            at += 1
        recent = [one for one in recent if one.ret >= newest]
        for one in recent:
            yield one.index, later.index


class _Search:
    def __init__(self, transactions: Mapping[int, Transaction], edges: Iterable[tuple[int, int]]) -> None:
        """`edges`: indices of transactions, of which the first must come before the second."""
        self.transactions = transactions
        self.after: dict[int, list[int]] = {index: [] for index in transactions}
        self.waits = dict.fromkeys(transactions, 0)
        for before, after in edges:
            self.after[before].append(after)
            self.waits[after] += 1
        self.readers: dict[tuple[Any, Any], int] = {}
        for transaction in transactions.values():
            for version in transaction.reads.items():
                self.readers[version] = self.readers.get(version, 0) + 1
        self.state: dict[Any, Any] = {}
        self.placed: list[tuple[int, dict[Any, Any]]] = []
        """Indices, each with the versions that it replaced."""
        self.free = {index for index, waits in self.waits.items() if not waits}
        self.steps = min(STEPS_MAX, STEPS_PER_TRANSACTION * len(transactions) + 10_000)

    def run(self) -> list[int] | None:
        """Depth first over the writers."""
        choices: list[tuple[int, list[int]]] = []
        while True:
            writers = self._read()
            if len(self.placed) == len(self.transactions):
                return [index for index, _ in self.placed]
            while not writers:
                if not choices:
                    return None
                size, writers = choices.pop()
                while len(self.placed) > size:
                    self._take_back()
            if self.steps < 0:
                return None
            first = writers.pop()
            if writers:
                choices.append((len(self.placed), writers))
            self._place(first)

    def _read(self) -> list[int]:
        """Places all that only read and may come next; returns the writers that may, the one to try first last."""
        while True:
            self.steps -= len(self.free)
            if self.steps < 0:
                return []
            allowed = [index for index in self.free if self._may(self.transactions[index])]
            readers = [index for index in allowed if not self.transactions[index].writes]
            if not readers:
                return sorted(allowed, key=lambda index: (-self.transactions[index].expected, -index))
            for index in readers:
                self._place(index)

    def _may(self, transaction: Transaction) -> bool:
        state, readers = self.state, self.readers
        if any(state.get(key, INITIAL) != value for key, value in transaction.reads.items()):
            return False
        for key in transaction.writes:
            version = (key, state.get(key, INITIAL))
            own = key in transaction.reads and transaction.reads[key] == version[1]
            if readers.get(version, 0) > own:
                return False
        return True

    def _place(self, index: int) -> None:
        transaction = self.transactions[index]
        self.free.remove(index)
        for version in transaction.reads.items():
            self.readers[version] -= 1
        self.placed.append((index, {key: self.state.get(key, INITIAL) for key in transaction.writes}))
        self.state.update(transaction.writes)
        for later in self.after[index]:
            self.waits[later] -= 1
            if not self.waits[later]:
                self.free.add(later)

    def _take_back(self) -> None:
        index, replaced = self.placed.pop()
        for later in self.after[index]:
            if not self.waits[later]:
                self.free.discard(later)
            self.waits[later] += 1
        self.state.update(replaced)
        for version in self.transactions[index].reads.items():
            self.readers[version] += 1
        self.free.add(index)
