"""Which transaction must come before which, as columns of edges: by versions, by sessions, in real time.

    WW   wrote the version before                 WR   wrote the version that was read
    RW   read the version before                  SESSION, REALTIME   came before on its process, on the clock
    COMMIT   must have committed before, at a level below snapshot isolation (weak.py)

Where many must precede many, a helper node stands between, so that there are never more edges than reads and writes:
an edge into a helper has the kind of the whole, and PASS goes on from it. Nodes from `len(table)` on are helpers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.history import OK, PENDING, Column
from checker.transactions.levels import Order
from checker.transactions.table import Table
from checker.transactions.versions import Versions

WW, WR, RW, SESSION, REALTIME, PASS, COMMIT = range(7)
KIND_NAMES = ("ww", "wr", "rw", "session", "real time", "", "commit order")


@dataclass(frozen=True)
class Edges:
    """Edges src -> dst; `key` is the number of the key (-1: none)."""

    nodes: int
    src: Column
    dst: Column
    kind: Column
    key: Column

    def __len__(self) -> int:
        return len(self.src)

    def where(self, mask: NDArray[np.bool_]) -> Edges:
        return Edges(self.nodes, self.src[mask], self.dst[mask], self.kind[mask], self.key[mask])

    def plus(self, other: Edges) -> Edges:
        columns = (
            np.concatenate([mine, its])
            for mine, its in (
                (self.src, other.src),
                (self.dst, other.dst),
                (self.kind, other.kind),
                (self.key, other.key),
            )
        )
        return Edges(max(self.nodes, other.nodes), *columns)


def edges(nodes: int, src: Column, dst: Column, kind: int, key: Column | int = -1) -> Edges:
    """Edges of one kind, without those that lead from or to no transaction, or to the same one."""
    keep = (src >= 0) & (dst >= 0) & (src != dst)
    keys = np.full(len(src), key, dtype=np.int64) if isinstance(key, int) else key
    kinds = np.full(int(keep.sum()), kind, dtype=np.int64)
    return Edges(nodes, src[keep], dst[keep], kinds, keys[keep])


def of_versions(table: Table, versions: Versions) -> Edges:
    """What is known by versions: along each chain, and from each key's first chain to its others."""
    count = len(table)
    writer, after = versions.writer, versions.after
    linked = np.flatnonzero(after >= 0)
    ww = edges(count, writer[linked], writer[after[linked]], WW, versions.key[linked])
    read, reader = versions.read_ver, versions.read_txn
    key = versions.key[read]
    wr = edges(count, writer[read], reader, WR, key)
    followed = np.flatnonzero(after[read] >= 0)
    rw = edges(count, reader[followed], writer[after[read[followed]]], RW, key[followed])
    return ww.plus(wr).plus(rw).plus(_to_others(table, versions))


def _to_others(table: Table, versions: Versions) -> Edges:
    """From the end of each key's first chain to the heads of its others, by way of a helper for each key."""
    count, keys = len(table), len(versions.keys)
    _, heads, tails = versions.chains()
    first_tail = np.full(keys, -1, dtype=np.int64)
    initial = heads < keys
    first_tail[heads[initial]] = tails[initial]
    others = heads[~initial]
    if not len(others):
        none = np.zeros(0, dtype=np.int64)
        return Edges(count, none, none, none, none)
    key = versions.key[others]
    many = np.bincount(key, minlength=keys)
    helper = np.full(keys, -1, dtype=np.int64)
    some = np.flatnonzero(many > 0)
    helper[some] = count + np.arange(len(some))
    nodes = count + len(some)
    ww = edges(nodes, versions.writer[first_tail[key]], versions.writer[others], WW, key)
    at_tail = np.flatnonzero(first_tail[versions.key[versions.read_ver]] == versions.read_ver)
    tail_key = versions.key[versions.read_ver[at_tail]]
    into = edges(nodes, versions.read_txn[at_tail], helper[tail_key], RW, tail_key)
    out = edges(nodes, helper[key], versions.writer[others], PASS, key)
    return ww.plus(into).plus(out).plus(_twice_updated(nodes, versions))


def _twice_updated(nodes: int, versions: Versions) -> Edges:
    """Two that read one version and both wrote its key: each missed the other's write."""
    own, rows = versions.own()
    unlinked = rows[versions.after[versions.read_ver[rows]] != own]
    read = versions.read_ver[unlinked]
    linked = versions.after[read]
    some = linked >= 0
    writer = np.where(some, versions.writer[linked], -1)
    return edges(nodes, writer, versions.read_txn[unlinked], RW, versions.key[read])


def of_order(table: Table, order: Order, nodes: int, live: NDArray[np.bool_]) -> Edges:
    """What an order asks beside: of those `live`, that sessions keep theirs, and so does the clock."""
    before, after = table.session_pairs(live)
    if order == "none":
        before = after = before[:0]
    sessions = edges(nodes, before, after, SESSION)
    return sessions.plus(_realtime(table, live, nodes)) if order == "realtime" else sessions


def _realtime(table: Table, live: NDArray[np.bool_], nodes: int) -> Edges:
    """A chain of helpers, one for each return in order of time: a transaction leads to its own, and the last one
    before a call leads to the transaction called."""
    returned = np.flatnonzero(live & (table.status == OK) & (table.ret != PENDING))
    returned = returned[np.argsort(table.ret[returned], kind="stable")]
    helper = nodes + np.arange(len(returned))
    called = np.flatnonzero(live)
    at = np.searchsorted(table.ret[returned], table.call[called], side="left") - 1
    some = np.flatnonzero(at >= 0)
    many = nodes + len(returned)
    into = edges(many, returned, helper, REALTIME)
    on = edges(many, helper[:-1], helper[1:], PASS)
    return into.plus(on).plus(edges(many, helper[at[some]], called[some], PASS))
