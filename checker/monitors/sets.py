"""The monitor of sets: element by element, since linearizability is local (Herlihy and Wing 1990, section 3.2).

Sets that only grow, by one add per element, are decided as a whole (growing_sets.py). Otherwise each element is an
object of its own that is there or not. If one operation at most adds it, its lifetime is decided in n log n
(presence.py); if several do, its own history is judged by the search, whose states are two (repeated_elements.py). The
orders found are merged: each operation as early as its element's order lets it be.

A read of all elements observes for each whether it is there, all at one instant. It refutes as a `contains` of any one
element; if no element refutes, the instants must still agree: snapshots.py looks for an order, and if it finds none the
search does, among the instants that are possible for each operation by what is known of the elements.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from msgspec import structs

from checker.budget import Budget
from checker.history import BEGINNING, Column, History, Operation
from checker.models.containers import SetModel
from checker.monitors import growing_sets, repeated_elements
from checker.monitors.presence import Claims, Lifetimes, instants, lifetimes
from checker.monitors.set_violations import METHOD, violation
from checker.monitors.snapshots import Snapshots, in_order, tightened
from checker.search import decide as search
from checker.verdict import Decision

LOOKS_MAX = 200_000_000
"""Elements times reads of all elements: more are left to the search."""

Order = tuple[Column, Column, Column]
"""Rows, their instants, and the places of those that share an instant."""


def decide(part: History, budget: Budget) -> Decision | None:
    """None where reads of all elements must agree with each other and no order was found, or an element's history is
    too hard; unknown where the time of the budget ran out over several."""
    if not (part.f == part.tables.f.code("remove")).any():
        grown = growing_sets.decide(part)
        if grown is not None:
            return grown
    read = _read(part)
    if read is None:
        return None
    claims, reads = read
    added = claims.element[part.f[claims.row] == part.tables.f.code("add")]
    repeated = np.bincount(added, minlength=len(claims.codes)) > 1
    once = claims.only(~repeated[claims.element])
    lifetime = lifetimes(once)
    refuted = violation(once, lifetime, reads)
    if refuted is not None:
        return refuted
    orders = _repeated(claims.only(repeated[claims.element]), reads, budget)
    if isinstance(orders, Decision) or orders is None:
        return orders
    if len(reads):
        return None if orders else in_order(once, lifetime, reads) or _searched(once, lifetime, reads, budget)
    instant, place = instants(once, lifetime)
    happened = instant != BEGINNING
    orders.append((once.row[happened], instant[happened], place[happened]))
    rows, instant, place = (np.concatenate(columns) for columns in zip(*orders, strict=True))
    return Decision("valid", METHOD, witness=rows[np.lexsort((place, instant))])


def _searched(claims: Claims, lifetime: Lifetimes, reads: Snapshots, budget: Budget) -> Decision | None:
    """Searches for an order among the instants that are left; None if there is none."""
    part = claims.part
    placed = tightened(claims, lifetime, reads)
    if placed is None:
        return None
    times = zip(part, *(column.tolist() for column in placed), strict=True)
    within = History.of(structs.replace(op, call=first, ret=last) for op, first, last in times)
    decision = search(within, SetModel(), budget)
    if decision.outcome == "invalid":
        return None
    if decision.witness is None:
        return decision
    row = {int(index): row for row, index in enumerate(part.index)}
    order = [row[int(within.index[at])] for at in decision.witness]
    return replace(decision, method=METHOD, witness=np.array(order, dtype=np.int64))


def _read(part: History) -> tuple[Claims, Snapshots] | None:
    """What operations observed of elements; None if an answer is no answer, or there are too many reads of all
    elements."""
    names, table = part.tables.f, part.tables.value
    asking = part.f == names.code("contains")
    returned, answer = np.unique(part.output[asking], return_inverse=True)
    answers = [table.values[code] for code in returned.tolist()]
    if not all(value in (True, False) for value in answers):
        return None
    there = part.f == names.code("add")
    there[asking] = np.array([bool(value) for value in answers], dtype=np.bool_)[answer]
    rows = np.flatnonzero(part.f == names.code("read"))
    named = np.flatnonzero(part.f != names.code("read"))
    sets, content = np.unique(part.output[rows], return_inverse=True)
    shown = [np.unique([table.code(item) for item in table.values[code] or ()]) for code in sets.tolist()]
    of = np.repeat(np.arange(len(sets)), [len(codes) for codes in shown])
    item = np.concatenate([np.zeros(0, dtype=np.int64), *shown]).astype(np.int64)
    codes, element = np.unique(np.concatenate((part.input[named], item)), return_inverse=True)
    if len(codes) * len(rows) > LOOKS_MAX:
        return None
    element, member = element[: len(named)], element[len(named) :]
    order = np.argsort(member, kind="stable")
    reads = Snapshots(rows, part.call[rows], part.ret[rows], content, member[order], of[order], len(sets))
    ended, begun = np.zeros(len(sets), dtype=np.int64), np.zeros(len(sets), dtype=np.int64)
    ended[content[np.argsort(-reads.ret, kind="stable")]] = rows[np.argsort(-reads.ret, kind="stable")]
    begun[content] = rows
    claims = Claims(
        part,
        np.concatenate((element, member, member)),
        np.concatenate((named, ended[of], begun[of])),
        np.concatenate((there[named], np.ones(2 * len(of), dtype=np.bool_))),
        codes,
    )
    return claims, reads


def _repeated(claims: Claims, reads: Snapshots, budget: Budget) -> list[Order] | Decision | None:
    """The orders of elements that several operations add; a refutation, or unknown because the time for all of them is
    over; None if one was too hard."""
    part, orders = claims.part, list[Order]()
    order = np.argsort(claims.element, kind="stable")
    elements = np.split(order, np.flatnonzero(np.diff(claims.element[order])) + 1) if len(order) else []
    budget = budget.begun()
    for entries in elements:
        x = int(claims.element[entries[0]])
        rows = np.unique(np.concatenate((claims.row[entries], reads.row)))
        asked = [_asked(part, int(row), int(claims.codes[x])) for row in rows]
        decision = repeated_elements.judge(asked, budget) if budget.left_s != 0 else None
        if decision is None or (decision.outcome == "unknown" and budget.left_s == 0):
            far = f"{len(orders):,} of {len(elements):,} elements that several operations add were judged"
            return Decision("unknown", METHOD, reason=f"{budget.out_of_time()}: {far}", bound="seconds")
        if decision.outcome == "invalid":
            return replace(decision, counterexample=tuple(int(rows[at]) for at in decision.counterexample))
        if decision.witness is None:
            return None
        rows = rows[np.asarray(decision.witness, dtype=np.int64)]
        orders.append((rows, np.maximum.accumulate(part.call[rows]), np.arange(len(rows))))
    return orders


def _asked(part: History, row: int, code: int) -> Operation:
    """An operation, as far as it concerns one element."""
    op, value = part[row], part.tables.value.values[code]
    if op.f != "read":
        return op
    shows = code in {part.tables.value.code(item) for item in op.output or ()}
    return structs.replace(op, f="contains", input=value, output=shows)
