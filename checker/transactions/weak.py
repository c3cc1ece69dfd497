"""Read committed, read atomic and causal consistency: whether there is an order of commits that explains the reads.

The axioms of Biswas and Enea (OOPSLA 2019), by the constructions of AWDIT (Møldrup and Pavlogiannis, PLDI 2025). The
order of commits contains that of sessions and write-read (and here the order of versions that lists show). If t3 reads
key x from t1, and t2 wrote x too, then t2 committed before t1 if t3 saw t2 in this way:

    read committed   t3 read something from t2 before it read x from t1
    read atomic      t3 read something from t2, or t2 came before t3 in its session
    causal           any path of sessions and write-read leads from t2 to t3

The level holds if and only if all of this has no cycle. Initial values were committed before everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from checker.history import OK, Column
from checker.transactions.cycles import shortest
from checker.transactions.edges import COMMIT, SESSION, WR, WW, Edges, edges
from checker.transactions.graph import components, order
from checker.transactions.levels import Family
from checker.transactions.steps import Cycle, Step
from checker.transactions.table import Table
from checker.transactions.versions import Versions

PAIRS_MAX = 4_000_000
"""Pairs of reads looked at in one go."""

CLOCKS_MAX = 150_000_000
"""Transactions times sessions, of four bytes each."""


Clock = NDArray[np.int32]


@dataclass(frozen=True)
class Weak:
    """An order of commits, or a cycle, or why neither."""

    events: Column | None = None
    cycle: Cycle | None = None
    reason: str | None = None


@dataclass(frozen=True)
class _Reads:
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
class _Implied:
    """That `before` committed before `after` (-1: the initial values), as `via` shows on `key`."""

    before: Column
    after: Column
    via: Column
    key: Column

    @classmethod
    def of(cls, parts: list[tuple[Column, Column, Column, Column]]) -> _Implied:
        if not parts:
            none = np.zeros(0, dtype=np.int64)
            return cls(none, none, none, none)
        before, after, via, key = (np.concatenate(column) for column in zip(*parts, strict=True))
        count = int(max(before.max(initial=0), after.max(initial=0))) + 2
        _, first = np.unique(before * count + after + 1, return_index=True)
        return cls(before[first], after[first], via[first], key[first])


def decide(table: Table, versions: Versions, family: Family) -> Weak:
    """Whether the happened transactions have an order of commits at this level."""
    count = len(table)
    live = versions.happened
    if family == "read-uncommitted":
        return _of(count, _writes(count, versions), _Implied.of([]), live)
    known = np.flatnonzero(versions.writer[versions.read_ver] >= -1)
    read_ver = versions.read_ver[known]
    written = versions.writer >= 0
    keys = max(len(versions.keys), 1)
    reads = _Reads(
        versions.read_txn[known],
        versions.key[read_ver],
        versions.writer[read_ver],
        keys,
        np.unique(versions.writer[written] * keys + versions.key[written]),
    )
    before, after = table.session_pairs(live)
    base = edges(count, before, after, SESSION).plus(edges(count, reads.writer, reads.txn, WR, reads.key))
    causes = order(count, base.src, base.dst)
    known_order = base.plus(_writes(count, versions))
    if causes is None:
        return _of(count, known_order, _Implied.of([]), live)
    if family == "read-committed":
        implied = _Implied.of(list(_within(reads, both=False)))
    elif family == "read-atomic":
        sessions = _Sessions.of(table, versions, live)
        implied = _Implied.of([*_within(reads, both=True), *sessions.implied(reads, None)])
    else:
        sessions = _Sessions.of(table, versions, live)
        if count * sessions.count > CLOCKS_MAX:
            return Weak(reason=f"{count:,} transactions in {sessions.count:,} sessions are too many for causal clocks")
        implied = _Implied.of(list(sessions.implied(reads, sessions.clocks(base, causes))))
    return _of(count, known_order, implied, live)


def _writes(count: int, versions: Versions) -> Edges:
    """Writes in the order that lists show, and what no read showed after them."""
    linked = np.flatnonzero(versions.after >= 0)
    chain = edges(count, versions.writer[linked], versions.writer[versions.after[linked]], WW, versions.key[linked])
    _, heads, tails = versions.chains()
    keys = len(versions.keys)
    first = np.full(keys, -1, dtype=np.int64)
    initial = heads < keys
    first[heads[initial]] = tails[initial]
    others = heads[~initial]
    key = versions.key[others]
    return chain.plus(edges(count, versions.writer[first[key]], versions.writer[others], WW, key))


def _within(reads: _Reads, *, both: bool) -> Iterator[tuple[Column, Column, Column, Column]]:
    """What two reads of one transaction imply: the first saw its writer, and the second read a key that it wrote too.

    `both`: whichever of the two came first.
    """
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
            saw, read = (some + first).ravel(), (some + second).ravel()
            writer, by = reads.writer[saw], reads.writer[read]
            hit = (writer != by) & (writer != reads.txn[saw])
            hit[hit] = reads.wrote(writer[hit], reads.key[read[hit]])
            yield writer[hit], by[hit], reads.txn[read[hit]], reads.key[read[hit]]


@dataclass(frozen=True)
class _Sessions:
    """Transactions by session and by their place in it; and the writes of each key in each session, in order."""

    session: Column
    place: Column
    """From 0."""
    count: int
    written: Column
    """Sorted: (key * sessions + session) * (transactions + 1) + place."""
    writer: Column

    @classmethod
    def of(cls, table: Table, versions: Versions, live: NDArray[np.bool_]) -> _Sessions:
        rows = np.flatnonzero(live)
        session = np.unique(table.session, return_inverse=True)[1].astype(np.int64)
        by_session = rows[np.argsort(session[rows], kind="stable")]
        follows = session[by_session[1:]] == session[by_session[:-1]]
        # one without an answer comes before none: unless it is the last of its session, it is a session of its own
        alone = by_session[:-1][follows & (table.status[by_session[:-1]] != OK)]
        session[alone] = session.max(initial=0) + 1 + np.arange(len(alone))
        session = np.unique(session, return_inverse=True)[1].astype(np.int64)
        by_session = rows[np.argsort(session[rows], kind="stable")]
        place = np.zeros(len(table), dtype=np.int64)
        first = np.concatenate([[0], np.flatnonzero(np.diff(session[by_session])) + 1])[: len(by_session)]
        sizes = np.diff(np.append(first, len(by_session)))
        place[by_session] = np.arange(len(by_session)) - np.repeat(first, sizes)
        count = int(session.max(initial=0)) + 1
        some = np.flatnonzero(versions.writer >= 0)
        txn = versions.writer[some]
        name = (versions.key[some] * count + session[txn]) * (len(table) + 1) + place[txn]
        by_name = np.argsort(name, kind="stable")
        return cls(session, place, count, name[by_name], txn[by_name])

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

    def implied(self, reads: _Reads, clock: Clock | None) -> Iterator[tuple[Column, Column, Column, Column]]:
        """Of each session (without a clock: of its own) the last writer of the key that a read's transaction had seen:
        it committed before the version that was read."""
        wide = len(self.place) + 1
        step = max(PAIRS_MAX // (1 if clock is None else self.count), 1)
        for begin in range(0, len(reads.txn), step):
            txn = reads.txn[begin : begin + step]
            key, by = reads.key[begin : begin + step], reads.writer[begin : begin + step]
            if clock is None:
                session, seen = self.session[txn], self.place[txn]
                row = np.arange(len(txn))
            else:
                row, session = np.nonzero(clock[txn])
                seen = clock[txn[row], session].astype(np.int64)
            group = (key[row] * self.count + session) * wide
            at = np.searchsorted(self.written, group + seen) - 1
            hit = (at >= 0) & (seen > 0)
            hit[hit] = self.written[at[hit]] >= group[hit]
            row, at = row[hit], at[hit]
            writer = self.writer[at]
            other = (writer != by[row]) & (writer != txn[row])
            row = row[other]
            yield writer[other], by[row], txn[row], key[row]


def _of(count: int, known: Edges, implied: _Implied, live: NDArray[np.bool_]) -> Weak:
    stale = np.flatnonzero(implied.after < 0)
    if len(stale):
        at = int(stale[0])
        step = Step(int(implied.before[at]), -1, COMMIT, int(implied.key[at]), via=int(implied.via[at]))
        return Weak(cycle=Cycle("stale-initial-read", (step,), len(np.unique(implied.via[stale]))))
    whole = known.plus(edges(count, implied.before, implied.after, COMMIT, implied.key))
    events = order(count, whole.src, whole.dst)
    if events is not None:
        return Weak(events=events[live[events]])
    via = {
        pair: int(txn)
        for *pair_, txn in zip(implied.before.tolist(), implied.after.tolist(), implied.via.tolist(), strict=True)
        for pair in [tuple(pair_)]
    }
    steps = tuple(
        replace(step, via=via[step.before, step.after]) if step.kind == COMMIT else step for step in shortest(whole)
    )
    label = components(count, whole.src, whole.dst)[1]
    many = int((np.bincount(label) > 1).sum())
    return Weak(cycle=Cycle(_name(steps), steps, many))


def _name(steps: tuple[Step, ...]) -> str:
    kinds = {step.kind for step in steps}
    if kinds <= {WW}:
        return "G0"
    return "commit-order" if COMMIT in kinds else "causality" if SESSION in kinds else "G1c"
