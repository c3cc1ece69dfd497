"""What reads imply of an order of commits, as columns: who saw which transaction, and read an older version after that.

Reads are columns in order of the transactions and of their micro-operations; sessions are arrays by place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.history import OK, Column
from checker.transactions.edges import Edges
from checker.transactions.table import Table
from checker.transactions.versions import Versions

PAIRS_MAX = 4_000_000
"""Pairs of reads looked at in one go."""

Clock = NDArray[np.int32]

Rows = tuple[Column, Column, Column, Column]
"""Columns of Implied."""


@dataclass(frozen=True)
class Reads:
    """Reads of committed versions with their place in the transaction, and a search for who wrote which key."""

    txn: Column
    key: Column
    writer: Column
    keys: int
    written: Column
    """Sorted: transaction * keys + key, of all that was written."""

    def wrote(self, txn: Column, key: Column) -> NDArray[np.bool_]:
        name = txn * self.keys + key
        at = np.minimum(np.searchsorted(self.written, name), max(len(self.written) - 1, 0))
        return (txn >= 0) & (self.written[at] == name) if len(self.written) else np.zeros(len(txn), dtype=bool)


@dataclass(frozen=True)
class Implied:
    """That `before` committed before `after` (-1: the initial values), as `via` shows on `key`."""

    before: Column
    after: Column
    via: Column
    key: Column

    @classmethod
    def of(cls, parts: list[Rows]) -> Implied:
        if not parts:
            none = np.zeros(0, dtype=np.int64)
            return cls(none, none, none, none)
        before, after, via, key = (np.concatenate(column) for column in zip(*parts, strict=True))
        count = int(max(before.max(initial=0), after.max(initial=0))) + 2
        _, first = np.unique(before * count + after + 1, return_index=True)
        return cls(before[first], after[first], via[first], key[first])


def pairs(reads: Reads, *, both: bool) -> Iterator[tuple[Column, Column]]:
    """Two reads of one transaction: one, and a later one (`both`: or an earlier one)."""
    starts = np.flatnonzero(np.diff(reads.txn, prepend=-1))
    sizes = np.diff(np.append(starts, len(reads.txn)))
    for size in np.unique(sizes[sizes > 1]).tolist():
        groups = starts[sizes == size]
        first, second = np.triu_indices(size, 1)
        if both:
            first, second = np.concatenate([first, second]), np.concatenate([second, first])
        step = max(PAIRS_MAX // len(first), 1)
        for begin in range(0, len(groups), step):
            some = groups[begin : begin + step, None]
            yield (some + first).ravel(), (some + second).ravel()


def within(reads: Reads, *, both: bool) -> Iterator[Rows]:
    """What two reads of one transaction imply: the first saw its writer, and the second read a key that it wrote too.

    `both`: whichever of the two came first.
    """
    for saw, read in pairs(reads, both=both):
        writer, by = reads.writer[saw], reads.writer[read]
        hit = (writer != by) & (writer != reads.txn[saw])
        hit[hit] = reads.wrote(writer[hit], reads.key[read[hit]])
        yield writer[hit], by[hit], reads.txn[read[hit]], reads.key[read[hit]]


@dataclass(frozen=True)
class Sessions:
    """Transactions by session and by their place in it; and the writes of each key in each session, in order."""

    session: Column
    place: Column
    """From 0."""
    home: Column
    """The session that a transaction was run in. One without an answer comes before none: its `session` is its own."""
    since: Column
    """Its place in that session: how many others came before it there."""
    count: int
    written: Column
    """Sorted: (key * sessions + session) * (transactions + 1) + place."""
    writer: Column

    @classmethod
    def of(cls, table: Table, versions: Versions, live: NDArray[np.bool_]) -> Sessions:
        rows = np.flatnonzero(live)
        session = np.unique(table.session, return_inverse=True)[1].astype(np.int64)
        by_session = rows[np.argsort(session[rows], kind="stable")]
        follows = session[by_session[1:]] == session[by_session[:-1]]
        # one without an answer comes before none: unless it is the last of its session, it is a session of its own
        lonely = np.append(follows & (table.status[by_session[:-1]] != OK), False)[: len(by_session)]
        alone, home = by_session[lonely], session.copy()
        since = _places(len(table), by_session, home, ~lonely)
        session[alone] = session.max(initial=0) + 1 + np.arange(len(alone))
        by_session = rows[np.argsort(session[rows], kind="stable")]
        place = _places(len(table), by_session, session, np.ones(len(by_session), dtype=bool))
        count = int(session.max(initial=0)) + 1
        some = np.flatnonzero(versions.writer >= 0)
        txn = versions.writer[some]
        name = (versions.key[some] * count + session[txn]) * (len(table) + 1) + place[txn]
        by_name = np.argsort(name, kind="stable")
        return cls(session, place, home, since, count, name[by_name], txn[by_name])

    def clocks(self, base: Edges, causes: Column) -> Clock:
        """[t, s]: how many transactions of session s lead to t by sessions and write-read; `causes` orders these."""
        clock = np.zeros((len(self.session), self.count), dtype=np.int32)
        by_dst = np.argsort(base.dst, kind="stable")
        begin = np.searchsorted(base.dst[by_dst], np.arange(len(self.session) + 1)).tolist()
        source = base.src[by_dst]
        sources = source.tolist()
        session, place = self.session.tolist(), self.place.tolist()
        for txn in causes.tolist():
            first, last = begin[txn], begin[txn + 1]
            if first == last:
                continue
            row = clock[txn]
            if last - first == 1:
                row[:] = clock[sources[first]]
            else:
                np.maximum.reduce(clock[source[first:last]], axis=0, out=row)
            for cause in sources[first:last]:
                if row[session[cause]] <= place[cause]:
                    row[session[cause]] = place[cause] + 1
        return clock

    def implied(self, reads: Reads, clock: Clock | None) -> Iterator[Rows]:
        """Of each session (without a clock: of its own) the last writer of the key that a read's transaction had seen:
        it committed before the version that was read."""
        step = max(PAIRS_MAX // (1 if clock is None else self.count), 1)
        by_key = np.argsort(reads.key, kind="stable")  # what is looked up in a row is found close together
        for begin in range(0, len(by_key), step):
            rows = by_key[begin : begin + step]
            txn, key, by = reads.txn[rows], reads.key[rows], reads.writer[rows]
            if clock is None:
                session, seen = self.session[txn], self.place[txn]
                row = np.arange(len(txn))
            else:
                row, session = np.nonzero(clock[txn])
                seen = clock[txn[row], session].astype(np.int64)
            writer = self.last_writer(key[row], session, seen)
            other = (writer >= 0) & (writer != by[row]) & (writer != txn[row])
            row = row[other]
            yield writer[other], by[row], txn[row], key[row]

    def last_writer(self, key: Column, session: Column, before: Column) -> Column:
        """Who wrote a key last in a session before a place there; -1: none."""
        wide = len(self.place) + 1
        group = (key * self.count + session) * wide
        at = np.searchsorted(self.written, group + before) - 1
        hit = (at >= 0) & (before > 0)
        hit[hit] = self.written[at[hit]] >= group[hit]
        writer = np.full(len(key), -1, dtype=np.int64)
        writer[hit] = self.writer[at[hit]]
        return writer


def _places(count: int, by_session: Column, session: Column, counted: NDArray[np.bool_]) -> Column:
    """Of each transaction how many of its session that are `counted` come before it; `by_session` is sorted by it."""
    place = np.zeros(count, dtype=np.int64)
    before: Column = np.cumsum(counted) - counted
    first = np.concatenate([[0], np.flatnonzero(np.diff(session[by_session])) + 1])[: len(by_session)]
    sizes = np.diff(np.append(first, len(by_session)))
    place[by_session] = before - np.repeat(before[first], sizes)
    return place
