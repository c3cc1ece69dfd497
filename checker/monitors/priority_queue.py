"""The monitor of priority queues (the smallest first; a value is its own priority) with unique values: exact, n log n.

Only a smaller value is in the way of a delete-min, so values are decided one after another, the smallest first, and a
take that found nothing last (decrease and conquer: Lee and Mathur, "Efficient Decrease-and-Conquer Linearizability
Monitoring", OOPSLA 2025). A value may be inserted as late as possible, since being inside only hinders others: at
in_by, or right before it is deleted. It is deleted at the first instant in [out_from, last] at which no smaller value
is inside; that hinders greater ones least, and by induction every choice before it was the best one too. If there is no
such instant, there is no order. A deleted value w is inside in the open interval (in_by, out_w).

The first instant outside all such intervals is always the out_from of some value, or where a take was called: so those
instants are sorted once, and the ones that an interval covers are skipped from then on (union-find).
"""

from __future__ import annotations

import numpy as np

from checker.budget import Budget
from checker.history import BEGINNING, Column, History
from checker.models.bags import PriorityQueue
from checker.monitors import repeated_bag
from checker.monitors.peeks import decided_without
from checker.monitors.pending_takes import Blocking, assign
from checker.monitors.values import METHOD, Values, read, thinned, wrongly_empty
from checker.verdict import Decision


def decide(part: History, budget: Budget) -> Decision | None:
    """None where the search should make its own counterexample smaller."""
    return decided_without(part, by_values) or repeated_bag.decide(part, budget, PriorityQueue())


def by_values(part: History) -> Decision | None:
    """None where values repeat or cannot be compared, or pending delete-mins leave it open."""
    values = read(part, "insert")
    if not isinstance(values, Values):
        return values
    rank = _ranks(values)
    if rank is None:
        return None
    relaxed = values.with_pending_takes()
    refuted = wrongly_empty(relaxed)
    if refuted is not None:
        return refuted
    out, late = _deleted(relaxed, rank)
    if late is not None:
        return _refuted(relaxed, rank, out, late)
    assigned = assign(values, lambda values: Blocking(before=-rank, after=-rank, until=values.out_from))
    if not isinstance(assigned, Values):
        return assigned
    if assigned is not relaxed:
        out, late = _deleted(assigned, rank)
    return None if late is not None else Decision("valid", METHOD, witness=_witness(assigned, rank, out))


def _ranks(values: Values) -> Column | None:
    """The place of each value in their order; None unless all are numbers, or all are strings."""
    items = [values.part.tables.value.values[code] for code in values.part.input[values.put].tolist()]
    types = set(map(type, items))
    if not (types <= {int, float} or types == {str}) or any(item != item for item in items):
        return None
    rank = np.empty(len(items), dtype=np.int64)
    rank[sorted(range(len(items)), key=items.__getitem__)] = np.arange(len(items))
    return rank


def _deleted(values: Values, rank: Column) -> tuple[Column, int | None]:
    """The instant at which each value (then each empty take) is deleted, and the first for which there is none.

    Entries from `len(values)` on are the empty takes. That one and what comes after it are left at BEGINNING.
    """
    part, size = values.part, len(values)
    start = np.concatenate((values.out_from, part.call[values.empties]))
    last = np.concatenate((values.last, part.ret[values.empties]))
    instants, first = np.unique(start, return_inverse=True)
    order = np.concatenate((np.argsort(rank), np.arange(size, len(first))))
    # Places among the instants, in the order of the loop: so it runs through memory, not about it.
    at, by = first[order].tolist(), np.searchsorted(instants, last[order], side="right").tolist()
    after = np.searchsorted(instants, values.in_by[order[:size]], side="right").tolist()
    skip = list(range(len(instants) + 1))
    taken: list[int] = []
    for place, (here, end) in enumerate(zip(at, by, strict=True)):
        while skip[here] != here:
            skip[here] = here = skip[skip[here]]
        if here >= end:
            break
        taken.append(here)
        covered = after[place] if place < size else here
        while covered < here:
            if skip[covered] == covered:
                skip[covered] = covered + 1
            skip[covered] = covered = skip[skip[covered]]
    out = np.full(len(first), BEGINNING)
    out[order[: len(taken)]] = instants[taken]
    return out, None if len(taken) == len(first) else int(order[len(taken)])


def _witness(values: Values, rank: Column, out: Column) -> Column:
    """At one instant: the deletes, the smallest first, each perhaps directly after its insert; empty takes; inserts."""
    out, empty = out[: len(values)], out[len(values) :]
    taken = values.take >= 0
    stays = values.in_by < out
    instant = np.concatenate((np.where(stays, values.in_by, out), out[taken], empty))
    phase = np.concatenate((stays, np.zeros(taken.sum() + len(empty), dtype=np.bool_)))
    ranks = np.concatenate((rank, rank[taken], np.full(len(empty), len(values))))
    deletes = np.concatenate((np.zeros(len(values)), np.ones(taken.sum() + len(empty))))
    rows = np.concatenate((values.put, values.take[taken], values.empties))
    return rows[np.lexsort((deletes, ranks, phase, instant))]


def _refuted(values: Values, rank: Column, out: Column, late: int) -> Decision:
    """The proof: the one without an instant, the smaller values that cover its interval, and what delayed those."""
    chosen = np.array(sorted(_reasons(values, rank, out, late)), dtype=np.int64)
    few = values.only(chosen, [late - len(values)] if late >= len(values) else [])
    every = range(len(few.empties))
    kept = thinned(len(few), lambda kept: _deleted(few.only(kept, every), rank[chosen[kept]])[1] is not None)
    few, ranks = few.only(kept, every), rank[chosen[kept]]
    out, found = _deleted(few, ranks)
    assert found is not None
    part, late = values.part, found
    direct = ", then ".join(few.value(i) for i in _cover(few, ranks, out, late))
    row = int(few.empties[0] if late >= len(few) else few.take[late])
    if late >= len(few):
        sentence = (
            f"Not empty: #{part.index[row]} found nothing, but at every instant while it ran a value was inside: "
            f"{direct}."
        )
        return few.refuted("wrongly-empty", sentence, [row, *few.rows(range(len(few)))], row)
    sentence = (
        f"Not the smallest: #{part.index[row]} took {few.value(late)}, but at every instant while it ran a smaller "
        f"value was inside: {direct}."
    )
    rows = few.rows(range(len(few))) + few.empties.tolist()
    return few.refuted("not-the-smallest", sentence, rows, row)


def _reasons(values: Values, rank: Column, out: Column, late: int) -> set[int]:
    chosen: set[int] = set()
    todo = [late]
    while todo:
        i = todo.pop()
        for other in _cover(values, rank, out, i):
            if other not in chosen:
                chosen.add(other)
                todo.append(other)
    return chosen | ({late} if late < len(values) else set())


def _cover(values: Values, rank: Column, out: Column, i: int) -> list[int]:
    """Smaller values of which one is inside at each instant from when this one might have been deleted until it was."""
    if i < len(values):
        smaller = np.flatnonzero(rank < rank[i])
        instant, end = int(values.out_from[i]), int(values.last[i] if out[i] == BEGINNING else out[i] - 1)
    else:
        row = values.empties[i - len(values)]
        smaller = np.arange(len(values))
        instant, end = int(values.part.call[row]), int(values.part.ret[row])
    chosen = []
    while instant <= end:
        candidates = smaller[values.in_by[smaller] < instant]
        chosen.append(int(candidates[np.argmax(out[candidates])]))
        instant = int(out[chosen[-1]])
    return chosen
