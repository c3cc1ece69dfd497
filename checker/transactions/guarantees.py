"""What the session guarantees imply of an order of commits (Terry et al., PDIS 1994), beside read committed.

If t3 reads key x from t1, and t2 wrote x too, then t2 committed before t1, if before that read

    read your writes      t2 came before t3 in its session
    monotonic reads       the session of t3 had read something from t2
    monotonic writes      t3 had read something from s, and t2 came before s in the session of s
    writes follow reads   t3 had read something from s, and s, or its session before it, had read something from t2

All of these follow from causal consistency; the first one from read atomic.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checker.history import Column
from checker.transactions.implied import Reads, Rows, Sessions, pairs, within
from checker.transactions.levels import Guarantee
from checker.transactions.versions import Versions


def guaranteed(which: Guarantee, reads: Reads, sessions: Sessions, versions: Versions) -> Iterator[Rows]:
    """Columns of what must have committed before what."""
    yield from within(reads, both=False)
    if which == "read-your-writes":
        yield from sessions.implied(reads, None)
    elif which == "monotonic-reads":
        yield _monotonic_reads(reads, sessions)
    elif which == "monotonic-writes":
        for seen, read in _after_seeing(reads):
            writer = sessions.last_writer(reads.key[read], sessions.home[seen], sessions.since[seen])
            yield _other(writer, read, reads)
    else:
        seen_before = _SeenBefore(reads, sessions, versions)
        for seen, read in _after_seeing(reads):
            writer, at = seen_before.writers(seen, reads.key[read])
            yield _other(writer, read[at], reads)


def _after_seeing(reads: Reads) -> Iterator[tuple[Column, Column]]:
    """Transactions that were seen, and the rows of later reads of those that saw them."""
    for saw, read in pairs(reads, both=False):
        written = reads.writer[saw] >= 0
        yield reads.writer[saw[written]], read[written]


def _other(writer: Column, read: Column, reads: Reads) -> Rows:
    by, txn = reads.writer[read], reads.txn[read]
    hit = (writer >= 0) & (writer != by) & (writer != txn)
    return writer[hit], by[hit], txn[hit], reads.key[read[hit]]


def _monotonic_reads(reads: Reads, sessions: Sessions) -> Rows:
    """Of each session and key what it read last, and what it saw since then that wrote the key: all else was committed
    before these."""
    of_txn: dict[int, list[int]] = {}
    for name in reads.written.tolist():
        of_txn.setdefault(name // reads.keys, []).append(name % reads.keys)
    last: dict[tuple[int, int], int] = {}
    since: dict[tuple[int, int], dict[int, None]] = {}
    found: list[tuple[int, int, int, int]] = []
    order = np.lexsort((np.arange(len(reads.txn)), sessions.place[reads.txn], sessions.session[reads.txn]))
    columns = (sessions.session[reads.txn], reads.txn, reads.key, reads.writer)
    for session, txn, key, by in zip(*(column[order].tolist() for column in columns), strict=True):
        place = (session, key)
        before = [last.get(place, -1), *since.pop(place, ())]
        found += [(writer, by, txn, key) for writer in before if writer >= 0 and writer not in (by, txn)]
        last[place] = by
        for other in of_txn.get(by, ()):
            if last.get((session, other)) != by:
                since.setdefault((session, other), {})[by] = None
    before_, by_, txn_, key_ = np.array(found, dtype=np.int64).reshape(-1, 4).T
    return before_, by_, txn_, key_


class _SeenBefore:
    """Of each session, and each key, who wrote the key among those that the session had read from, by the writers'
    sessions the last one each."""

    def __init__(self, reads: Reads, sessions: Sessions, versions: Versions) -> None:
        self.sessions, self.keys = sessions, reads.keys
        wrote = np.flatnonzero(versions.writer >= 0)
        wrote = wrote[np.argsort(versions.writer[wrote], kind="stable")]
        writers = versions.writer[wrote]
        saw = np.flatnonzero(reads.writer >= 0)
        begin = np.searchsorted(writers, reads.writer[saw])
        many = np.searchsorted(writers, reads.writer[saw], side="right") - begin
        row = np.repeat(saw, many)
        key = versions.key[wrote[np.repeat(begin - np.cumsum(many) + many, many) + np.arange(len(row))]]
        writer, txn = reads.writer[row], reads.txn[row]
        self._wide = len(sessions.place) + 1
        pair = sessions.session[txn] * self.keys + key
        name = pair * sessions.count + sessions.session[writer]
        order = np.lexsort((sessions.place[txn], name))
        name, pair, writer = name[order], pair[order], writer[order]
        groups, group = np.unique(name, return_inverse=True)
        self._when = group * self._wide + sessions.place[txn[order]]
        # the last of each writers' session so far: its place there, within the group
        self._last = np.maximum.accumulate(group * self._wide + sessions.place[writer])
        self._of_pair, first = np.unique(groups // sessions.count, return_index=True)
        self._first = np.append(first, len(groups))
        self._group_session = groups % sessions.count
        happened = np.flatnonzero(versions.happened)
        by_session = happened[np.lexsort((sessions.place[happened], sessions.session[happened]))]
        self._by_session = by_session
        self._begin = np.searchsorted(sessions.session[by_session], np.arange(sessions.count + 1))

    def writers(self, seen: Column, key: Column) -> tuple[Column, Column]:
        """Of each transaction `seen` those who wrote the key and that it, or its session before it, had read from; and
        of which row each one is."""
        sessions = self.sessions
        if not len(self._of_pair):
            none = np.zeros(0, dtype=np.int64)
            return none, none
        pair = sessions.home[seen] * self.keys + key
        at = np.minimum(np.searchsorted(self._of_pair, pair), len(self._of_pair) - 1)
        rows = np.flatnonzero(self._of_pair[at] == pair)
        begin, many = self._first[at[rows]], np.diff(self._first)[at[rows]]
        row = np.repeat(rows, many)
        group = np.repeat(begin - np.cumsum(many) + many, many) + np.arange(len(row))
        place = np.searchsorted(self._when, group * self._wide + sessions.since[seen[row]], side="right") - 1
        hit = (place >= 0) & (self._when[place] >= group * self._wide)
        row, group, place = row[hit], group[hit], place[hit]
        in_session = self._last[place] - group * self._wide
        return self._by_session[self._begin[self._group_session[group]] + in_session], row
