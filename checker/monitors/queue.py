"""The monitor of queues (first in, first out) with unique values.

Refuted by what refutes every container (values.py), or because `a` was enqueued before `b`, but dequeued after it or
never (Henzinger, Sezgin and Vafeiadis, "Aspect-Oriented Linearizability Proofs", CONCUR 2013). Each is a proof by
itself. The verdict is valid only with a witness: each empty dequeue is put at an instant at which no value need be
inside, then values and empty dequeues are sorted by their enqueues and dequeues together, and both follow that order as
early as they can. If that fails, the search decides.
"""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush

import numpy as np

from checker.budget import Budget
from checker.history import BEGINNING, Column, History
from checker.monitors import repeated_queue
from checker.monitors.peeks import decided_without
from checker.monitors.pending_takes import Blocking, assign
from checker.monitors.values import METHOD, Values, inside, read, wrongly_empty
from checker.verdict import Decision


def decide(part: History, budget: Budget) -> Decision | None:
    """None where neither a pattern nor a witness was found, and the walk of repeated_queue.py is too long."""
    return decided_without(part, by_values) or repeated_queue.decide(part, budget)


def by_values(part: History) -> Decision | None:
    """None where values repeat, or neither a pattern nor a witness was found."""
    values = read(part, "enqueue")
    if not isinstance(values, Values):
        return values
    relaxed = values.with_pending_takes()
    refuted = wrongly_empty(relaxed) or _overtaken(relaxed)
    if refuted is not None:
        return refuted
    assigned = assign(values, _blocking)
    if not isinstance(assigned, Values):
        return assigned
    order = _witness(assigned)
    return None if order is None else Decision("valid", METHOD, witness=order)


def _blocking(values: Values) -> Blocking:
    """`i` was certainly enqueued before `j` was."""
    always = np.zeros(len(values), dtype=np.int64)
    return Blocking(before=always, after=always + 1, until=values.first)


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
    text = f"{values.value(first)} was certainly in the queue before #{part.index[put]} began to enqueue"
    then = "never dequeued" if values.take[first] < 0 else f"dequeued only later (#{part.index[values.take[first]]})"
    sentence = (
        f"Out of order: {text} {values.value(late)}, but #{part.index[take]} dequeued {values.value(late)}, and "
        f"{values.value(first)} was {then}."
    )
    return values.refuted("out-of-order", sentence, values.rows([first, late]), take)


def _witness(values: Values) -> Column | None:
    free = inside(values).free_from(values.part.call[values.empties])
    if (free > values.part.ret[values.empties]).any():
        return None
    times = (values.first, values.in_by, values.out_from, values.last)
    first, in_by, out_from, last = (np.concatenate((column, free)) for column in times)
    order = _sorted((first, in_by), (out_from, last))
    if order is None:
        return None
    put, take = (np.concatenate((column, values.empties))[order] for column in (values.put, values.take))
    return _merged(put, take, first[order], in_by[order], out_from[order], last[order])


class _Side:
    """The enqueues, or the dequeues, of items: which may come next is bounded by what must."""

    def __init__(self, since: Column, until: Column) -> None:
        self.calls: list[int] = np.argsort(since, kind="stable").tolist()
        self.rets: list[int] = np.argsort(until, kind="stable").tolist()
        self.since, self.until = np.sort(since).tolist(), np.sort(until).tolist()
        self.called = self.returned = 0

    def admitted(self, placed: list[bool]) -> list[int]:
        """The items that begin before all that are not placed have ended, and did not before."""
        while placed[self.rets[self.returned]]:
            self.returned += 1
        begun = self.called
        self.called = bisect_right(self.since, self.until[self.returned], begun)
        return self.calls[begun : self.called]


def _sorted(puts: tuple[Column, Column], takes: tuple[Column, Column]) -> Column | None:
    """An order that agrees with the order in time of all enqueues, and with that of all dequeues; None if none does.

    Both are given as (since, until). Of those that may come next, the one dequeued first does.
    """
    count = len(puts[0])
    by_dequeue = np.lexsort((puts[0], takes[0]))
    rank = np.empty(count, dtype=np.int64)
    rank[by_dequeue] = np.arange(count)
    ranks, items = rank.tolist(), by_dequeue.tolist()
    sides = _Side(*puts), _Side(*takes)
    waits, placed = [2] * count, [False] * count
    ready: list[int] = []
    ordered: list[int] = []
    while len(ordered) < count:
        for side in sides:
            for i in side.admitted(placed):
                waits[i] -= 1
                if not waits[i]:
                    heappush(ready, ranks[i])
        if not ready:
            return None
        i = items[heappop(ready)]
        placed[i] = True
        ordered.append(i)
    return np.array(ordered, dtype=np.int64)


def _merged(put: Column, take: Column, first: Column, in_by: Column, out_from: Column, last: Column) -> Column | None:
    """Rows in order: each enqueue and dequeue as early as this order of items lets it be; None if one is too late.

    An item whose put and take are the same row is a dequeue that found nothing: all before it is over then.
    """
    if not len(put):
        return put
    empty, taken = put == take, (take >= 0) & (put != take)
    begun = np.maximum.accumulate(first)
    gone = np.maximum.accumulate(np.where(taken, np.maximum(first, out_from), BEGINNING))
    over = np.maximum.accumulate(np.where(empty, np.maximum(begun, gone), BEGINNING))
    came = np.maximum(begun, over)
    went = np.maximum(came, gone)
    if (came > np.where(empty, last, in_by)).any() or (went[taken] > last[taken]).any():
        return None
    segment = 2 * np.cumsum(empty) - empty
    number = np.arange(len(put))
    rows = np.concatenate((put, take[taken]))
    instants, segments = np.concatenate((came, went[taken])), np.concatenate((segment, segment[taken]))
    second = np.concatenate((np.zeros(len(put), dtype=np.int64), np.ones(int(taken.sum()), dtype=np.int64)))
    return rows[np.lexsort((np.concatenate((number, number[taken])), second, segments, instants))]
