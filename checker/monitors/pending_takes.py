"""Which values pending takes took: those that blocked others and that no other operation is known to have taken.

A value that is certainly inside must be gone before a take that could not have passed it: in a queue, of a value put in
later; in a stack, of one below it; in a priority queue, of a greater one; in all, a take that found nothing. So some
pending take had it, by the time that the take in question returned. Put the values in order of that deadline, and the
pending takes in order of their calls: if the n-th was called after the n-th deadline, there are too few (Hall), and the
history is refuted. Otherwise each value gets its own. The assignment is heuristic: a history is valid only if it gives
a witness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from checker.english import counted
from checker.history import BEGINNING, PENDING, Column
from checker.monitors.values import Values
from checker.verdict import Decision

ROUNDS_MAX = 16
"""Rounds in which values that block those with a pending take are added."""

NAMED_MAX = 5
"""Values named in a sentence."""


@dataclass(frozen=True)
class Blocking:
    """`i` must be gone before `j` is taken where before[j] < after[i] and until[j] > in_by[i]."""

    before: Column
    after: Column
    until: Column


def assign(values: Values, relation: Callable[[Values], Blocking]) -> Values | Decision | None:
    """The values with pending takes for those that need one; a refutation if there are too few; None if unclear."""
    if not len(values.unknown):
        return values
    waiting = values.unknown[np.argsort(values.part.call[values.unknown], kind="stable")]
    missing = np.flatnonzero(values.take < 0)
    assigned, got = values, missing[:0]
    for rounds in range(ROUNDS_MAX):
        deadline, cause = _deadlines(assigned, missing, relation(assigned))
        order = np.argsort(deadline, kind="stable")
        order = order[deadline[order] < PENDING]
        some = min(len(order), len(waiting))
        late = np.flatnonzero(values.part.call[waiting[:some]] > deadline[order[:some]])
        if len(late) or len(order) > some:
            first = int(late[0]) if len(late) else some
            chosen = order[: first + 1]
            return _too_few(values, missing[chosen], cause[chosen]) if not rounds else None
        if np.array_equal(missing[order], got):
            return replace(assigned, unknown=waiting[len(got) :])
        got = missing[order]
        columns = {name: getattr(values, name).copy() for name in ("take", "out_from", "last")}
        columns["take"][got] = waiting[: len(got)]
        columns["out_from"][got] = np.maximum(values.first[got], values.part.call[waiting[: len(got)]])
        columns["last"][got] = deadline[order]
        assigned = replace(values, **columns)
    return None


def _deadlines(values: Values, missing: Column, blocking: Blocking) -> tuple[Column, Column]:
    """By when each of the missing must be gone (PENDING: never), and the row of the take that says so.

    Takes enter in order of `before`; a Fenwick tree over `until`, latest first, has the least return of those in it.
    """
    part, taken = values.part, np.flatnonzero(values.take >= 0)
    before = np.concatenate((blocking.before[taken], np.full(len(values.empties), BEGINNING)))
    until = np.concatenate((blocking.until[taken], part.call[values.empties]))
    last = np.concatenate((values.last[taken], part.ret[values.empties]))
    row = np.concatenate((values.take[taken], values.empties))
    by_return = np.argsort(last, kind="stable")
    place = np.empty(len(row), dtype=np.int64)
    place[by_return] = np.arange(len(row))
    sorted_until = np.sort(until)
    leaf = (len(row) - np.searchsorted(sorted_until, until, side="left")).tolist()
    later = (len(row) - np.searchsorted(sorted_until, values.in_by[missing], side="right")).tolist()
    entering = np.argsort(before, kind="stable")
    ready = np.searchsorted(before[entering], blocking.after[missing], side="left").tolist()
    takes, places = entering.tolist(), place.tolist()
    none = len(row)
    tree = [none] * (none + 1)
    least = [none] * len(missing)
    entered = 0
    for query in np.argsort(np.array(ready), kind="stable").tolist():
        while entered < ready[query]:
            take = takes[entered]
            node, number = leaf[take], places[take]
            while node <= none:
                if tree[node] > number:
                    tree[node] = number
                node += node & -node
            entered += 1
        node = later[query]
        while node:
            if tree[node] < least[query]:
                least[query] = tree[node]
            node &= node - 1
    found = np.array(least, dtype=np.int64)
    return np.append(last[by_return], PENDING)[found], np.append(row[by_return], -1)[found]


def _too_few(values: Values, missing: Column, takes: Column) -> Decision:
    """These values had to be gone by the returns of these takes, but fewer pending takes had been called by then."""
    part, rows = values.part, {*values.put[missing].tolist(), *takes.tolist()}
    rows.update(values.put[np.isin(values.take, takes)].tolist())
    latest = int(takes[-1])
    names = ", ".join(values.value(int(i)) for i in missing[:NAMED_MAX])
    more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
    count = len(missing) - 1
    called = "no pending take" if not count else f"only {counted(count, 'pending take')}"
    sentence = (
        f"Missing values: {names}{more} must have been taken when #{part.index[latest]} returned, no operation is "
        f"known to have taken any of them, and {called} had been called by then."
    )
    return values.refuted("lost-value", sentence, rows, latest)
