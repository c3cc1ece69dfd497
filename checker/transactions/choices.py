"""The order of versions that no read shows: of each key, which chains may come in either order, and what follows.

Of two chains A and B of a key either A comes first: then what ended A, and all that read its end, precede what began
B; or B comes first. (The chain with the initial version precedes all others; what it implies is known.)
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.history import Column
from checker.transactions.edges import RW, WW
from checker.transactions.steps import Choice
from checker.transactions.versions import Versions


@dataclass(frozen=True)
class Chains:
    """The chains of a key whose order is open, by number: who began and who ended each, and who read the end."""

    key: int
    began: Column
    ended: Column
    readers: list[Column]

    def __len__(self) -> int:
        return len(self.began)

    @property
    def inert(self) -> NDArray[np.bool_]:
        """Those of one version that no other transaction read: two of these may come in any serial order."""
        unread = np.array([not len(readers) for readers in self.readers], dtype=np.bool_)
        return np.logical_and(unread, np.equal(self.began, self.ended))

    def choice(self, first: int, second: int) -> Choice:
        return Choice(self.key, int(self.ended[first]), int(self.began[second]))

    def edges(self, first: int, second: int) -> list[tuple[int, int, int]]:
        """What follows where one comes before another: (before, after, kind)."""
        began = int(self.began[second])
        found = [(int(self.ended[first]), began, WW)]
        found += [(reader, began, RW) for reader in self.readers[first].tolist() if reader != began]
        return found


@dataclass(frozen=True)
class Flat:
    """The chains of many keys as columns; and who read the end of which one (`owner`)."""

    key: Column
    began: Column
    ended: Column
    reader: Column
    owner: Column


def flat(chains: list[Chains]) -> Flat:
    """All chains of these keys in one."""
    readers = [readers for one in chains for readers in one.readers]
    return Flat(
        np.repeat([one.key for one in chains], list(map(len, chains))),
        np.concatenate([one.began for one in chains]),
        np.concatenate([one.ended for one in chains]),
        np.concatenate(readers),
        np.repeat(np.arange(len(readers)), list(map(len, readers))),
    )


def open_chains(versions: Versions, *, snapshot: bool) -> list[Chains]:
    """The keys with chains whose order is not known and matters: under snapshot isolation two writes of a key may not
    overlap, so that it always does."""
    _, heads, tails = versions.chains()
    keys = len(versions.keys)
    others = np.flatnonzero(heads >= keys)
    if not len(others):
        return []
    by_key = others[np.argsort(versions.key[heads[others]], kind="stable")]
    key = versions.key[heads[by_key]]
    several = np.flatnonzero(np.bincount(key, minlength=keys) > 1)
    by_key = by_key[np.isin(key, several)]
    if not len(by_key):
        return []
    key = versions.key[heads[by_key]]
    bounds = [0, *(np.flatnonzero(np.diff(key)) + 1).tolist(), len(key)]
    readers = _readers(versions, tails[by_key])
    found = []
    for begin, end in itertools.pairwise(bounds):
        rows = by_key[begin:end]
        if len(rows) < 2:
            continue
        empty = np.zeros(0, dtype=np.int64)
        chains = Chains(
            int(key[begin]),
            versions.writer[heads[rows]],
            versions.writer[tails[rows]],
            [readers.get(tail, empty) for tail in tails[rows].tolist()],
        )
        if snapshot or not chains.inert.all():
            found.append(chains)
    return found


def _readers(versions: Versions, wanted: Column) -> dict[int, Column]:
    """Of each of these versions the transactions that read it."""
    asked = np.zeros(len(versions.key), dtype=bool)
    asked[wanted] = True
    rows = np.flatnonzero(asked[versions.read_ver])
    count = int(versions.read_txn.max(initial=0)) + 1
    pairs = np.unique(versions.read_ver[rows] * count + versions.read_txn[rows])
    version, txn = pairs // count, pairs % count
    begins = np.flatnonzero(np.diff(version, prepend=-1))
    ends = np.append(begins[1:], len(pairs))[: len(begins)].tolist()
    return {
        number: txn[begin:end]
        for number, begin, end in zip(version[begins].tolist(), begins.tolist(), ends, strict=True)
    }
