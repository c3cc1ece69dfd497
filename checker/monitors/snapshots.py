"""Reads of all elements of a set: what they show, and an order of everything where their instants agree.

It is known what must come before what: an add before the operations that found the element, those before the remove,
and the remove before the operations that no longer found it. Then the earliest instant of each operation is the latest
call among its own and those that must come before it. Only operations whose intervals meet need an order.

An operation that did not find an element came before its add or after its remove. Where the element's lifetime
(presence.py) leaves both open, it is not constrained at first. If the earliest instant of such an operation then lies
between those of the add and the remove, it must come later or the add must: what makes less of a delay is taken, the
earliest conflicts first, until there is none. If all is in time, that is a witness. If not, other choices may do
better, and the search must decide. Cost: elements times reads, in numpy, and n log n for each round of choices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from checker.history import BEGINNING, INFO, PENDING, Column
from checker.monitors.presence import NO_ROW, Claims, Lifetimes
from checker.verdict import Decision

METHOD = "elements"
CELLS = 2_000_000
"""Elements times reads that are processed at once."""

OPEN, BEFORE, AFTER = range(3)
"""Sides of a lifetime."""
ROUNDS_MAX = 300
"""Rounds of choices."""

Matrix = NDArray[np.bool_]
Pairs = NDArray[np.int64]
"""Two rows of numbers."""
Placed = tuple[Column, Column]
"""Instants, and ranks among those of one instant."""


@dataclass(frozen=True)
class Snapshots:
    """The reads of all elements, in order of call. Equal sets are one `content`; `element` and `of`, in order of
    elements, say which is in which."""

    row: Column
    call: Column
    ret: Column
    content: Column
    """Per read."""
    element: Column
    of: Column
    contents: int

    def __len__(self) -> int:
        return len(self.row)

    def shown(self, elements: int) -> Iterator[tuple[int, int, Matrix]]:
        """In chunks: elements from the first number to the second (exclusive), and which read shows which."""
        step = max(1, CELLS // len(self)) if len(self) else elements
        for first in range(0, elements if len(self) else 0, step):
            end = min(first + step, elements)
            low, high = np.searchsorted(self.element, (first, end))
            matrix = np.zeros((end - first, self.contents), dtype=np.bool_)
            matrix[self.element[low:high] - first, self.of[low:high]] = True
            yield first, end, matrix[:, self.content]


def in_order(claims: Claims, lifetime: Lifetimes, reads: Snapshots) -> Decision | None:
    """A witness for elements added once at most, none of which refutes; None if none was found."""
    part = claims.part
    own = (claims.row == lifetime.add[claims.element]) | (claims.row == lifetime.remove[claims.element])
    happened = own | (part.status[claims.row] != INFO)
    rows = np.unique(np.concatenate((claims.row[happened], reads.row)))
    since, until = part.call.copy(), part.ret
    goes = lifetime.remove >= 0
    since[lifetime.remove[goes]] = lifetime.goes[goes]
    known, lacks = _between(claims.only(happened & ~own), lifetime, reads)
    placed = _resolved(since, until, [np.stack((lifetime.add[goes], lifetime.remove[goes])), *known], lifetime, lacks)
    if placed is None:
        return None
    instant, rank = placed
    return Decision("valid", METHOD, witness=rows[np.lexsort((rank[rows], instant[rows]))])


def tightened(claims: Claims, lifetime: Lifetimes, reads: Snapshots) -> Placed | None:
    """For each row of the part the earliest and the latest instant at which it may take place in any order; None if
    there is no order.

    Only what is certain counts: which of several removes took an element away is not known, nor whether a remove did
    that may have come before the add.
    """
    part = claims.part
    removes = np.unique(claims.row[part.f[claims.row] == part.tables.f.code("remove")])
    of = np.zeros(len(part), dtype=np.int64)
    of[claims.row] = claims.element
    several = np.bincount(of[removes], minlength=len(lifetime)) > 1
    certain = (lifetime.remove >= 0) & ~several
    certain[certain] = part.call[lifetime.remove[certain]] > lifetime.comes[certain]
    lifetime = replace(lifetime, remove=np.where(certain, lifetime.remove, NO_ROW))
    own = (claims.row == lifetime.add[claims.element]) | (claims.row == lifetime.remove[claims.element])
    others = (part.status[claims.row] != INFO) & ~own & (part.f[claims.row] != part.tables.f.code("remove"))
    since, until = part.call.copy(), part.ret
    since[lifetime.remove[certain]] = np.maximum(since[lifetime.remove[certain]], lifetime.goes[certain])
    known, (who, x) = _between(claims.only(others), lifetime, reads)
    edges = np.concatenate((np.stack((lifetime.add[certain], lifetime.remove[certain])), *known), axis=1)
    side = np.zeros(len(who), dtype=np.int64)
    while True:
        before, after = side == BEFORE, side == AFTER
        sided = (who[before], lifetime.add[x[before]]), (lifetime.remove[x[after]], who[after])
        pairs = np.concatenate((edges, *map(np.stack, sided)), axis=1)
        placed = _earliest(since, until, pairs)
        if placed is None:
            return None
        latest = _latest(until, pairs, placed)
        early, late = placed[0][who] <= latest[lifetime.add[x]], latest[who] >= placed[0][lifetime.remove[x]]
        need = (side == OPEN) & (early != late)
        if not need.any():
            return placed[0], latest
        side[need] = np.where(early, BEFORE, AFTER)[need]


def _between(claims: Claims, lifetime: Lifetimes, reads: Snapshots) -> tuple[list[Pairs], Pairs]:
    """Pairs of rows of which the first must come before the second, and (row, element) where two sides are open."""
    part, known, lacks = claims.part, list[Pairs](), list[Pairs]()
    row, call, ret, x = claims.row, part.call[claims.row], part.ret[claims.row], claims.element
    spans = [(row, call, ret, x, claims.there)]
    spans += [
        (reads.row, reads.call, reads.ret, np.arange(first, end)[:, None], shown)
        for first, end, shown in reads.shown(len(lifetime))
    ]
    by = np.where(lifetime.remove >= 0, part.ret[lifetime.remove], PENDING)
    """By when the remove takes place: also by the first return of an operation after it."""
    for _, call, ret, x, there in spans:
        after = ~there & (call > lifetime.comes[x])
        np.minimum.at(by, np.broadcast_to(x, there.shape)[after], np.broadcast_to(ret, there.shape)[after])
    added = np.where(lifetime.add >= 0, part.call[lifetime.add], PENDING)
    for row, call, ret, x, there in spans:
        add, remove, comes, goes = lifetime.add[x], lifetime.remove[x], lifetime.comes[x], lifetime.goes[x]
        early, late = call <= comes, ret >= goes
        known += [
            _pairs(there & early, add, row),
            _pairs(there & late & (remove >= 0), row, remove),
            _pairs(~there & ~late & (ret >= added[x]) & (add >= 0), row, add),
            _pairs(~there & ~early & (call <= by[x]) & (remove >= 0), remove, row),
        ]
        lacks.append(_pairs(~there & early & late & (remove >= 0), row, x))
    return known, np.concatenate(lacks, axis=1)


def _pairs(chosen: Matrix, first: Column, second: Column) -> Pairs:
    return np.stack([np.broadcast_to(column, chosen.shape)[chosen] for column in (first, second)])


def _resolved(since: Column, until: Column, known: list[Pairs], lifetime: Lifetimes, lacks: Pairs) -> Placed | None:
    """Instants and ranks that agree with all pairs known, and put each row that lacks an element on one side of it.

    Choices that turn out wrong are taken back and made a few at a time; a single one that was wrong is turned round.
    """
    who, x = lacks
    ends = np.stack((who, lifetime.add[x])), np.stack((lifetime.remove[x], who))
    edges = np.concatenate(known, axis=1)
    side = np.zeros(len(who), dtype=np.int64)
    chosen, most = np.zeros(0, dtype=np.int64), len(who)
    for _ in range(ROUNDS_MAX):
        pairs = np.concatenate((edges, ends[0][:, side == BEFORE], ends[1][:, side == AFTER]), axis=1)
        placed = _earliest(since, until, pairs)
        if placed is None and not len(chosen):
            return None
        if placed is None:
            side[chosen] = AFTER + BEFORE - side[chosen] if len(chosen) == 1 else OPEN
            chosen, most = chosen[:0], max(1, len(chosen) // 4)
            continue
        if side.all():
            return placed
        chosen, side = _choices(placed, _latest(until, pairs, placed), ends, side, most)
        most *= 2
    return None


def _choices(
    placed: Placed, latest: Column, ends: tuple[Pairs, Pairs], side: Column, most: int
) -> tuple[Column, Column]:
    """Which of the open ones take a side without need, and all sides: what must be, else some, else all that fits."""
    instant, side = placed[0], side.copy()
    (who, add), (remove, _) = ends
    at, comes, goes = instant[who], instant[add], instant[remove]
    early, late = at <= latest[add], latest[who] >= goes
    need = (side == OPEN) & (early != late)
    if need.any():
        side[need] = np.where(early, BEFORE, AFTER)[need]
        return np.zeros(0, dtype=np.int64), side
    conflict = np.flatnonzero((side == OPEN) & (comes < at) & (at < goes))
    if len(conflict):
        now = conflict[_apart(at[conflict], goes[conflict])][:most]
        side[now] = np.where(at[now] - comes[now] <= goes[now] - at[now], BEFORE, AFTER)
        return now, side
    return np.zeros(0, dtype=np.int64), np.where(side == OPEN, np.where(at >= goes, AFTER, BEFORE), side)


def _apart(at: Column, goes: Column) -> Column:
    """Of conflicts at these instants, each solved by that one: the earliest ones, none within another's span."""
    chosen, end = list[int](), BEGINNING
    instants, ends = at.tolist(), goes.tolist()
    for i in np.argsort(at, kind="stable").tolist():
        if instants[i] >= end:
            chosen.append(i)
            end = ends[i]
    return np.array(chosen, dtype=np.int64)


def _earliest(since: Column, until: Column, edges: Pairs) -> Placed | None:
    """For each row the earliest instant from `since` on, after all before it, and its rank at equal instants.

    None if one would be later than `until`, or they go round in circles.
    """
    before, after = edges
    order = np.argsort(before, kind="stable")
    followers = after[order].tolist()
    start = np.searchsorted(before[order], np.arange(len(since) + 1)).tolist()
    waits = np.bincount(after, minlength=len(since))
    instant, last, rank = since.tolist(), until.tolist(), [0] * len(since)
    ready = np.flatnonzero(waits == 0).tolist()
    left, count = waits.tolist(), 0
    while ready:
        row = ready.pop()
        rank[row] = count
        count += 1
        now = instant[row]
        if now > last[row]:
            return None
        for follower in followers[start[row] : start[row + 1]]:
            if instant[follower] < now:
                instant[follower] = now
            left[follower] -= 1
            if not left[follower]:
                ready.append(follower)
    return None if count < len(since) else (np.array(instant, dtype=np.int64), np.array(rank, dtype=np.int64))


def _latest(until: Column, edges: Pairs, placed: Placed) -> Column:
    """For each row the latest instant such that all after it are in time."""
    before, after = edges[:, np.argsort(-placed[1][edges[0]], kind="stable")].tolist()
    latest: list[int] = until.tolist()
    for row, follower in zip(before, after, strict=True):
        if latest[follower] < latest[row]:
            latest[row] = latest[follower]
    return np.array(latest, dtype=np.int64)
