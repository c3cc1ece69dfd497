"""The lifetimes of a set's elements, each added by one operation at most: whether they are possible, and when.

Such an element comes once, at an instant u, and goes once, at d, or never. Its *evidence* is every operation that found
it (also a read of all that shows it), and the add, if that is known to have happened. Let m be the least return and M
the greatest call among the evidence. Then

    add.call <= u <= m,    M <= d,    u <= d,    some remove was under way at d,

and every operation that did not find it, or removed it, was called by u, or returned at d or later. So the latest u and
the earliest d are best: u = m, and d is the earliest instant from max(m, M) on at which a remove was under way. Only
where M <= m and a remove was under way at some instant in between, the element may come and go at that instant; then no
operation contradicts it. Conversely, instants u and d within these bounds give each operation an instant of its own in
its interval. Elements do not influence each other (linearizability is local: Herlihy and Wing 1990, section 3.2). Cost:
n log n.

A pending add of an element that was never found may be left out. A pending remove may go as the remove at d, or be left
out: it asks for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.history import BEGINNING, PENDING, Column, History

NO_ROW = -1


@dataclass(frozen=True)
class Claims:
    """What operations observed of elements, in columns: an entry for each operation that names an element, and two for
    each element of a set that was read: the read of it that returned first, and the one called last.

    `element` counts from 0. `there`: it found or made the element there.
    """

    part: History
    element: Column
    row: Column
    there: NDArray[np.bool_]
    codes: Column
    """The value of each element."""

    def __len__(self) -> int:
        return len(self.row)

    def only(self, chosen: NDArray[np.bool_]) -> Claims:
        return Claims(self.part, self.element[chosen], self.row[chosen], self.there[chosen], self.codes)


@dataclass(frozen=True)
class Lifetimes:
    """Per element, in columns: when it comes and goes, and the operations that show it (as rows, or NO_ROW)."""

    add: Column
    """NO_ROW: never there."""
    remove: Column
    """NO_ROW: never gone."""
    comes: Column
    """u; PENDING if never there."""
    goes: Column
    """d; PENDING if never gone."""
    first: Column
    """The evidence that returned first."""
    last: Column
    """The evidence that was called last."""

    def __len__(self) -> int:
        return len(self.add)


def lifetimes(claims: Claims) -> Lifetimes:
    """The lifetimes of elements that are added once at most; `missed` finds those that are impossible."""
    part, size = claims.part, len(claims.codes)
    adds, removes = (part.f[claims.row] == part.tables.f.code(f) for f in ("add", "remove"))
    call, ret = part.call[claims.row], part.ret[claims.row]
    found = np.zeros(size, dtype=np.bool_)
    found[claims.element[claims.there & (~adds | (ret != PENDING))]] = True
    evidence = np.flatnonzero(claims.there & found[claims.element])
    add = np.full(size, NO_ROW)
    add[claims.element[evidence[adds[evidence]]]] = claims.row[evidence[adds[evidence]]]
    first, last = np.full(size, NO_ROW), np.full(size, NO_ROW)
    by_return, by_call = (evidence[np.argsort(column[evidence], kind="stable")] for column in (-ret, call))
    first[claims.element[by_return]] = claims.row[by_return]  # the last one assigned stays: the least return
    last[claims.element[by_call]] = claims.row[by_call]
    comes = np.where(first >= 0, part.ret[first], PENDING)
    latest = np.where(last >= 0, part.call[last], PENDING)
    removes &= (latest < PENDING)[claims.element]
    remove = _first_remove(claims, np.flatnonzero(removes & (ret >= latest[claims.element])), size)
    goes = np.where(remove >= 0, np.maximum(part.call[remove], latest), PENDING)
    brief = goes <= comes  # it may come and go at one instant
    later = _first_remove(claims, np.flatnonzero(removes & (ret >= np.maximum(latest, comes)[claims.element])), size)
    remove = np.where(brief, remove, later)
    goes_later = np.where(later >= 0, np.maximum(part.call[later], np.maximum(latest, comes)), PENDING)
    return Lifetimes(add, remove, np.where(brief, goes, comes), np.where(brief, goes, goes_later), first, last)


def _first_remove(claims: Claims, chosen: Column, size: int) -> Column:
    """Per element, the row of the chosen entry that was called first."""
    order = chosen[np.argsort(-claims.part.call[claims.row[chosen]], kind="stable")]
    rows = np.full(size, NO_ROW)
    rows[claims.element[order]] = claims.row[order]
    return rows


def missed(claims: Claims, lifetime: Lifetimes) -> NDArray[np.bool_]:
    """Entries that did not find the element, or removed it, though it certainly was there all the time."""
    call, ret = claims.part.call[claims.row], claims.part.ret[claims.row]
    return ~claims.there & (call > lifetime.comes[claims.element]) & (ret < lifetime.goes[claims.element])


def instants(claims: Claims, lifetime: Lifetimes) -> tuple[Column, Column]:
    """When each entry takes place, and its place among those of that instant; BEGINNING: not at all.

    Operations at one instant that do not concern the same element may take place in any order.
    """
    part = claims.part
    call = part.call[claims.row]
    comes, goes = lifetime.comes[claims.element], lifetime.goes[claims.element]
    before = ~claims.there & (call <= comes)
    adds, removes = claims.row == lifetime.add[claims.element], claims.row == lifetime.remove[claims.element]
    instant = np.where(before, call, np.maximum(call, goes))
    instant = np.where(claims.there, np.maximum(call, comes), instant)
    instant = np.where(adds, comes, np.where(removes, goes, instant))
    place = np.where(before, 0, 4)
    place = np.where(claims.there, 2, place)
    place = np.where(adds, 1, np.where(removes, 3, place))
    idle = (part.ret[claims.row] == PENDING) & ~adds & ~removes
    return np.where(idle, BEGINNING, instant), place
