"""The monitor of queues (first in, first out) with unique values.

Refuted by what refutes every container (values.py), or because `a` was enqueued before `b`, but dequeued after it or
never (Henzinger, Sezgin and Vafeiadis, "Aspect-Oriented Linearizability Proofs", CONCUR 2013). Each is a proof by
itself. "Valid" is only said with a witness: each empty dequeue is put at a moment at which nobody need be inside, then
values and empty dequeues are sorted by their enqueues and dequeues together, and both follow that order as early as
they can. If that fails, the search decides.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from checker.history import PENDING, History
from checker.monitors.pending_takes import InTheWay, guess
from checker.monitors.values import METHOD, Values, inside, read, wrongly_empty
from checker.verdict import Decision


@dataclass
class Item:
    """A value from its enqueue to its dequeue (see Values), or a dequeue that found nothing (both are the same row)."""

    put: int
    take: int
    """-1: never taken."""
    first: int
    in_by: int
    out_from: int
    last: int

    @property
    def empty(self) -> bool:
        return self.put == self.take


def decide(part: History) -> Decision | None:
    """None where values repeat, or neither a pattern nor a witness was found."""
    values = read(part, "enqueue")
    if not isinstance(values, Values):
        return values
    relaxed = values.with_pending_takes()
    refuted = wrongly_empty(relaxed) or _overtaken(relaxed)
    if refuted is not None:
        return refuted
    guessed = guess(values, _in_the_way)
    if not isinstance(guessed, Values):
        return guessed
    order = _witness(guessed)
    return None if order is None else Decision("valid", METHOD, witness=order)


def _in_the_way(values: Values) -> InTheWay:
    """`i` was certainly enqueued before `j` was."""
    always = np.zeros(len(values), dtype=np.int64)
    return InTheWay(before=always, after=always + 1, until=values.first)


def _items(values: Values) -> list[Item]:
    columns = (values.put, values.take, values.first, values.in_by, values.out_from, values.last)
    return [Item(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _overtaken(values: Values) -> Decision | None:
    """`a` was enqueued before `b`, but `b` was dequeued before `a`, or `a` never.

    With pending dequeues, a value that only they can have taken was taken as early as they allow.
    """
    order, inside_by = np.argsort(values.first, kind="stable"), np.argsort(values.in_by, kind="stable")
    before = np.searchsorted(values.in_by[inside_by], values.first[order], side="left")
    held = np.maximum.accumulate(values.out_from[inside_by])
    bad = order[(before > 0) & (values.last[order] < np.append(held, 0)[before - 1])]
    if not len(bad):
        return None
    late = int(bad[np.argmin(values.last[bad])])
    earlier = np.flatnonzero(values.in_by < values.first[late])
    first = int(earlier[np.argmax(values.out_from[earlier])])
    part, put, take = values.part, int(values.put[late]), int(values.take[late])
    said = f"{values.value(first)} was certainly in the queue before #{part.index[put]} began to enqueue"
    then = "never dequeued" if values.take[first] < 0 else f"dequeued only later (#{part.index[values.take[first]]})"
    sentence = (
        f"Out of order: {said} {values.value(late)}, but #{part.index[take]} dequeued that, and "
        f"{values.value(first)} was {then}."
    )
    return values.refuted("out-of-order", sentence, values.rows([first, late]), take)


def _witness(values: Values) -> list[int] | None:
    free = inside(values).free_from(values.part.call[values.empties])
    if (free > values.part.ret[values.empties]).any():
        return None
    pinned = [Item(row, row, *[at] * 4) for row, at in zip(values.empties.tolist(), free.tolist(), strict=True)]
    ordered = _sorted([*_items(values), *pinned])
    return None if ordered is None else _merged(ordered)


def _sorted(items: list[Item]) -> list[Item] | None:
    """An order that agrees with the order in time of all enqueues, and with that of all dequeues; None if none does."""
    count = len(items)
    waits = [2] * count
    placed = [False] * count
    ready: list[tuple[int, int, int]] = []
    calls = [sorted(range(count), key=lambda i: items[i].first), sorted(range(count), key=lambda i: items[i].out_from)]
    rets = [sorted(range(count), key=lambda i: items[i].in_by), sorted(range(count), key=lambda i: items[i].last)]
    called, returned = [0, 0], [0, 0]
    ordered: list[Item] = []
    while len(ordered) < count:
        for side in (0, 1):
            while placed[rets[side][returned[side]]]:
                returned[side] += 1
            bound = items[rets[side][returned[side]]].last if side else items[rets[side][returned[side]]].in_by
            while called[side] < count:
                i = calls[side][called[side]]
                if (items[i].out_from if side else items[i].first) > bound:
                    break
                called[side] += 1
                waits[i] -= 1
                if not waits[i]:
                    heapq.heappush(ready, (items[i].out_from, items[i].first, i))
        if not ready:
            return None
        i = heapq.heappop(ready)[2]
        placed[i] = True
        ordered.append(items[i])
    return ordered


def _merged(items: list[Item]) -> list[int] | None:
    """Rows in order: each enqueue and dequeue as early as this order of items lets it be."""
    points: list[tuple[int, int, int, int, int]] = []
    put = take = barrier = -PENDING
    segment = 0
    for number, item in enumerate(items):
        if item.empty:
            moment = max(put, take, barrier, item.first)
            if moment > item.last:
                return None
            points.append((moment, segment + 1, 0, number, item.put))
            barrier, segment = moment, segment + 2
            continue
        put = max(put, barrier, item.first)
        if put > item.in_by:
            return None
        points.append((put, segment, 0, number, item.put))
        if item.take >= 0:
            take = max(take, put, item.out_from)
            if take > item.last:
                return None
            points.append((take, segment, 1, number, item.take))
    return [row for *_, row in sorted(points)]
