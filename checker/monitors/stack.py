"""The monitor of stacks (last in, first out) with unique values: exact, O(n log n) (see nesting.py).

A history is legal iff there are instants to push and to pop each value such that of any two values one is inside only
while the other is, or they are inside at different times, and no value is inside where a pop found nothing. Values are
taken away one after another, each such that the rest is legal iff the whole is (decrease and conquer: Lee and Mathur,
"Efficient Decrease-and-Conquer Linearizability Monitoring", OOPSLA 2025; Abdulla et al., "Efficient Linearizability
Monitoring", PLDI 2025). To take a value away never hurts; what remains to be seen is that it may come back.

1. out_from <= in_by: it is pushed and popped at one instant in between, whatever else is inside.
2. An instant t at which no value is certainly inside, so each has in_by <= t or t <= out_from: if the history is legal,
   then also with no value inside at t. Those that were inside are popped at t instead of later, or pushed at t instead
   of earlier; that cuts spans at t, and spans that were nested or apart are so when cut. So t parts the history in two
   that have nothing to do with each other, and a pop may find nothing there.
3. In what is left between two such instants L and R, at each instant some value is certainly inside. So all that time
   one and the same lies below all others. It must have first <= L and R <= last; and any such value can be that one,
   since everything else may be put within [L, R] by 2. If there is none, there is no order.
"""

from __future__ import annotations

import numpy as np

from checker.budget import Budget
from checker.history import Column, History
from checker.models.bags import Stack
from checker.monitors import repeated_bag
from checker.monitors.nesting import Crossing, Nested, nest
from checker.monitors.peeks import decided_without
from checker.monitors.pending_takes import Blocking, assign
from checker.monitors.values import METHOD, Values, inside, read, thinned, wrongly_empty
from checker.verdict import Decision


def decide(part: History, budget: Budget) -> Decision | None:
    """None where the search should make its own counterexample smaller."""
    return decided_without(part, by_values) or repeated_bag.decide(part, budget, Stack())


def by_values(part: History) -> Decision | None:
    """None where values repeat, or pending pops leave it open."""
    values = read(part, "push")
    if not isinstance(values, Values):
        return values
    relaxed = values.with_pending_takes()
    refuted = wrongly_empty(relaxed)
    if refuted is not None:
        return refuted
    crossing = _nest(relaxed)
    if isinstance(crossing, Crossing):
        return _crossed(relaxed, crossing)
    assigned = assign(values, _blocking)
    if not isinstance(assigned, Values):
        return assigned
    nested = _nest(assigned)
    free = inside(assigned).free_from(part.call[values.empties])
    if isinstance(nested, Crossing) or (free > part.ret[values.empties]).any():
        return None
    return Decision("valid", METHOD, witness=_witness(assigned, nested, free))


def _blocking(values: Values) -> Blocking:
    """`j` was certainly on the stack before `i` was pushed, and still there after that."""
    return Blocking(before=values.in_by, after=values.first, until=values.out_from)


def _nest(values: Values) -> Nested | Crossing:
    """Of the values that are certainly inside at some time."""
    sure = np.flatnonzero(values.in_by < values.out_from)
    nested = nest(*(column[sure] for column in (values.first, values.in_by, values.out_from, values.last)))
    return Crossing(sure[nested.chain].tolist()) if isinstance(nested, Crossing) else nested


def _witness(values: Values, nested: Nested, free: Column) -> Column:
    """At one instant: pops, inner ones first; what is pushed and popped at once, and empty pops; pushes."""
    sure = values.in_by < values.out_from
    popped = np.flatnonzero(sure)[values.take[sure] >= 0]
    place = np.zeros(len(values), dtype=np.int64)
    take = values.out_from.copy()
    place[sure], take[sure] = nested.place, nested.take
    once = np.flatnonzero(~sure)
    rows = (values.put[sure], values.take[popped], values.put[once], values.take[once], values.empties)
    instants = (nested.put, take[popped], take[once], take[once], free)
    within = (nested.place, -place[popped], 2 * once, 2 * once + 1, np.full(len(free), -1))
    phase = np.repeat((2, 0, 1, 1, 1), [len(column) for column in rows])
    order = np.lexsort((np.concatenate(within), phase, np.concatenate(instants)))
    return np.concatenate(rows)[order]


def _crossed(values: Values, crossing: Crossing) -> Decision:
    chain = values.only(crossing.chain, [])
    few = chain.only(thinned(len(chain), lambda kept: isinstance(_nest(chain.only(kept, [])), Crossing)), [])
    part = values.part
    names = ", ".join(few.value(i) for i in range(len(few)))
    sentence = (
        f"Out of order: at every instant at least one of {names} was on the stack, so one of them was below the others "
        "all that time, but none was pushed early enough and popped late enough."
    )
    if len(few) == 2:
        below, above = np.argsort(few.out_from, kind="stable").tolist()
        push, pop, late = (int(row) for row in (few.put[above], few.take[below], few.take[above]))
        then = "never popped" if late < 0 else f"popped only later (#{part.index[late]})"
        sentence = (
            f"Out of order: {few.value(below)} was on the stack before #{part.index[push]} began to push "
            f"{few.value(above)} and still there after that, but #{part.index[pop]} popped {few.value(below)} from "
            f"below {few.value(above)}, which was {then}."
        )
    return values.refuted("out-of-order", sentence, few.rows(range(len(few))), int(few.take[np.argmin(few.last)]))
