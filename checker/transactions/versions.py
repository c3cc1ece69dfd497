"""The versions of each key: who wrote them, who read them, and what is known of their order.

A version is what a transaction left of a key when it committed; versions 0..K-1 are the initial ones of the K keys.
`after` is the version that follows at once, where reads show it (lists). Serializability and snapshot isolation let
nothing come between a version that a transaction read and the one of the same key that it wrote: `linked` adds these.
Versions linked by `after` are a chain. A key's first chain begins with its initial version; the order of its other
chains is open, but for what the rest of the history forces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.history import Column
from checker.transactions.local import Locals
from checker.values import show

UNWRITTEN = -2
"""The writer of what no transaction wrote."""


@dataclass(frozen=True)
class Versions:
    """Columns of versions and of reads. Transactions are numbered as in the table; writer -1: the initial version."""

    keys: list[Any]
    key: Column
    writer: Column
    after: Column
    """-1: not known, or there is none."""
    read_txn: Column
    """Reads of what other transactions wrote, in order of the table and of the micro-operations."""
    read_ver: Column
    happened: NDArray[np.bool_]
    """Which transactions took effect: those that ended ok, and those whose writes were read."""
    ambiguous: str | None = None
    """Why it is not known which transaction wrote what was read (a value written twice), if it is not."""

    def own(self) -> tuple[Column, Column]:
        """Of each read the version of the same key that the reading transaction left, -1 if none; and of which read."""
        written = np.flatnonzero(self.writer >= 0)
        keys = max(len(self.keys), 1)
        name = self.writer[written] * keys + self.key[written]
        order = np.argsort(name, kind="stable")
        sought = self.read_txn * keys + self.key[self.read_ver]
        at = np.searchsorted(name[order], sought)
        hit = at < len(order)
        hit[hit] = name[order][at[hit]] == sought[hit]
        rows = np.flatnonzero(hit)
        return written[order][at[rows]], rows

    def linked(self) -> Versions:
        """The same with each version that a transaction read linked to the one that it put in its place."""
        own, rows = self.own()
        after = self.after.copy()
        preceded = np.zeros(len(self.key), dtype=bool)
        preceded[after[after >= 0]] = True
        read = self.read_ver[rows]
        free = (after[read] < 0) & ~preceded[own] & (read != own)
        # of several transactions that read one version the first is linked: the others are lost updates
        _, first = np.unique(read[free], return_index=True)
        chosen = np.flatnonzero(free)[first]
        _, once = np.unique(own[chosen], return_index=True)
        chosen = chosen[once]
        after[read[chosen]] = own[chosen]
        return replace(self, after=after)

    def lost_updates(self, found: Locals) -> None:
        """Two that read one version of a key and both wrote the key: one did not see the other."""
        _, rows = self.own()
        pairs = np.unique(np.stack([self.read_ver[rows], self.read_txn[rows]], axis=1), axis=0)
        if not len(pairs):
            return
        table = found.table
        same = np.flatnonzero(pairs[1:, 0] == pairs[:-1, 0])
        for at in same.tolist():
            version, one = pairs[at].tolist()
            other = int(pairs[at + 1][1])
            key = self.keys[int(self.key[version])]
            found.add(
                "lost-update",
                key,
                (one, other),
                lambda one=one, other=other, key=key: (  # type: ignore[misc]
                    f"#{table.index(one)} and #{table.index(other)} read the same version of {show(key)} and both "
                    "wrote it, so one update is lost"
                ),
            )

    def chains(self) -> tuple[Column, Column, Column]:
        """Of each version the head of its chain; then all heads in order, and the tail of each."""
        count = len(self.key)
        head = np.arange(count)
        linked = np.flatnonzero(self.after >= 0)
        head[self.after[linked]] = linked
        heads = np.flatnonzero(head == np.arange(count))
        while True:  # pointer doubling
            further = head[head]
            if (further == head).all():
                break
            head = further
        ends = np.flatnonzero(self.after < 0)
        tails = np.full(count, -1, dtype=np.int64)
        tails[head[ends]] = ends
        return head, heads, tails[heads]
