"""The monitor of unordered queues (multisets), n log n.

Values do not hinder each other; only a dequeue that found nothing observes all of them. With unique values and no
pending dequeue it is exact: each empty dequeue is put at the first instant at which no value is certainly inside; each
value is put in as late as may be and taken as early as may be, so it is outside at those instants. Where a value is
enqueued several times, its n-th dequeue (by return) is taken for that of its n-th enqueue (by call); if that gives no
order, or pending dequeues leave it open, the search decides.
"""

from __future__ import annotations

import numpy as np

from checker.budget import Budget
from checker.history import INFO, PENDING, Column, History
from checker.models.bags import UnorderedQueue
from checker.monitors import repeated_bag
from checker.monitors.peeks import decided_without
from checker.monitors.pending_takes import Blocking, assign
from checker.monitors.values import METHOD, Values, inside, read, wrongly_empty
from checker.verdict import Decision


def decide(part: History, budget: Budget) -> Decision | None:
    """None where the search should make its own counterexample smaller."""
    return decided_without(part, by_values) or repeated_bag.decide(part, budget, UnorderedQueue())


def by_values(part: History) -> Decision | None:
    """None where neither a proof nor an order was found."""
    values = read(part, "enqueue")
    if values is None:
        matched = _matched(part)
        order = None if matched is None else _witness(matched)
        return None if order is None else Decision("valid", METHOD, witness=order)
    if not isinstance(values, Values):
        return values
    refuted = wrongly_empty(values.with_pending_takes())
    if refuted is not None:
        return refuted
    assigned = assign(values, _blocking)
    if not isinstance(assigned, Values):
        return assigned
    order = _witness(assigned)
    return None if order is None else Decision("valid", METHOD, witness=order)


def _blocking(values: Values) -> Blocking:
    """A value is in the way of nothing but a dequeue that found the queue empty."""
    nothing = np.zeros(len(values), dtype=np.int64)
    return Blocking(before=nothing, after=nothing, until=values.first)


def _matched(part: History) -> Values | None:
    """The values of a part in which some are enqueued several times, each enqueue with a dequeue; None if one is
    missing, or None itself is a value."""
    put = part.f == part.tables.f.code("enqueue")
    pending = part.status == INFO
    puts, takes = np.flatnonzero(put), np.flatnonzero(~put & ~pending & (part.output != 0))
    if (part.input[puts] == 0).any():
        return None
    # Those that certainly happened first: a pending enqueue need not have.
    puts = puts[np.lexsort((part.call[puts], pending[puts], part.input[puts]))]
    takes = takes[np.lexsort((part.ret[takes], part.output[takes]))]
    given, taken = part.input[puts], part.output[takes]
    place = np.searchsorted(given, taken) + np.arange(len(takes)) - np.searchsorted(taken, taken)
    known = place < len(given)
    if not known.all() or (given[place] != taken).any():
        return None
    taker = np.full(len(puts), -1, dtype=np.int64)
    taker[place] = takes
    happened = (taker >= 0) | ~pending[puts]
    puts, taker = puts[happened], taker[happened]
    has = taker >= 0
    call = part.call[puts]
    take_ret = np.where(has, part.ret[taker], PENDING)
    if (take_ret < call).any():
        return None
    out_from = np.where(has, np.maximum(call, part.call[taker]), PENDING)
    in_by = np.minimum(part.ret[puts], take_ret)
    empties = np.flatnonzero(~put & ~pending & (part.output == 0))
    return Values(part, puts, taker, call, in_by, out_from, take_ret, empties, np.zeros(0, dtype=np.int64))


def _witness(values: Values) -> Column | None:
    """Rows in order of instants: dequeues, those that found nothing, enqueues. None if one of those has no instant."""
    free = inside(values).free_from(values.part.call[values.empties])
    if (free > values.part.ret[values.empties]).any():
        return None
    taken = values.take >= 0
    stays = values.in_by < values.out_from
    instant = np.where(stays, values.in_by, values.out_from)
    rows = np.concatenate((values.put, values.take[taken], values.empties))
    instants = np.concatenate((instant, values.out_from[taken], free))
    # What is inserted and taken at one instant does both before anything else of that instant, one value after another.
    brief = np.concatenate((~stays, ~stays[taken], np.zeros(len(free), dtype=np.bool_)))
    number = np.concatenate((np.arange(len(values)), np.flatnonzero(taken), np.zeros(len(free), dtype=np.int64)))
    phase = np.concatenate((np.full(len(values), 2), np.zeros(int(taken.sum())), np.ones(len(free))))
    kind = np.concatenate((np.zeros(len(values)), np.ones(int(taken.sum())), np.zeros(len(free))))
    return rows[np.lexsort((kind, np.where(brief, number, 0), np.where(brief, -1, phase), instants))]
