"""The lives of a set's elements, each added by one operation at most: whether they can be, and when.

Such an element comes once, at a moment u, and goes once, at d, or never. Its *evidence* is whoever found it there (also
a read of all that shows it), and the add, if that is known to have happened. Let m be the least return and M the
greatest call among the evidence. Then

    add.call <= u <= m,    M <= d,    u <= d,    some remove was under way at d,

and whoever did not find it there, or removed it, was called by u, or returned at d or later. So the latest u and the
earliest d are best: u = m, and d is the earliest moment from max(m, M) on at which a remove was under way. Only where
M <= m and a remove was under way at some moment in between, the element may come and go at that moment; then nobody is
in the way. Conversely, moments u and d within these bounds give each operation a moment of its own in its interval.
Elements do not influence each other (linearizability is local: Herlihy and Wing 1990, section 3.2). Cost: n log n.

A pending add of an element that nobody found may be left out. A pending remove may go as the remove at d, or be left
out: it asks for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.history import BEGINNING, PENDING, Column, History

NOBODY = -1


@dataclass(frozen=True)
class Sayings:
    """What operations say of elements, in columns: an entry for each operation that names an element, and two for each
    element of a set that was read: the read of it that returned first, and the one called last.

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

    def only(self, chosen: NDArray[np.bool_]) -> Sayings:
        return Sayings(self.part, self.element[chosen], self.row[chosen], self.there[chosen], self.codes)


@dataclass(frozen=True)
class Lives:
    """Per element, in columns: when it comes and goes, and who says so (as rows, or NOBODY)."""

    add: Column
    """NOBODY: never there."""
    remove: Column
    """NOBODY: never gone."""
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


def lives(says: Sayings) -> Lives:
    """The lives of elements which are added once at most. Whether they can be, `too_early` and `missed` tell."""
    part, size = says.part, len(says.codes)
    adds, removes = (part.f[says.row] == part.tables.f.code(f) for f in ("add", "remove"))
    call, ret = part.call[says.row], part.ret[says.row]
    found = np.zeros(size, dtype=np.bool_)
    found[says.element[says.there & (~adds | (ret != PENDING))]] = True
    evidence = np.flatnonzero(says.there & found[says.element])
    add = np.full(size, NOBODY)
    add[says.element[evidence[adds[evidence]]]] = says.row[evidence[adds[evidence]]]
    first, last = np.full(size, NOBODY), np.full(size, NOBODY)
    by_return, by_call = (evidence[np.argsort(column[evidence], kind="stable")] for column in (-ret, call))
    first[says.element[by_return]] = says.row[by_return]  # the last one assigned stays: the least return
    last[says.element[by_call]] = says.row[by_call]
    comes = np.where(first >= 0, part.ret[first], PENDING)
    latest = np.where(last >= 0, part.call[last], PENDING)
    removes &= (latest < PENDING)[says.element]
    remove = _first_remove(says, np.flatnonzero(removes & (ret >= latest[says.element])), size)
    goes = np.where(remove >= 0, np.maximum(part.call[remove], latest), PENDING)
    brief = goes <= comes  # it may come and go at one moment
    later = _first_remove(says, np.flatnonzero(removes & (ret >= np.maximum(latest, comes)[says.element])), size)
    remove = np.where(brief, remove, later)
    goes_later = np.where(later >= 0, np.maximum(part.call[later], np.maximum(latest, comes)), PENDING)
    return Lives(add, remove, np.where(brief, goes, comes), np.where(brief, goes, goes_later), first, last)


def _first_remove(says: Sayings, chosen: Column, size: int) -> Column:
    """Per element, the row of the chosen entry that was called first."""
    order = chosen[np.argsort(-says.part.call[says.row[chosen]], kind="stable")]
    rows = np.full(size, NOBODY)
    rows[says.element[order]] = says.row[order]
    return rows


def missed(says: Sayings, life: Lives) -> NDArray[np.bool_]:
    """Entries that did not find the element, or removed it, though it certainly was there all the time."""
    call, ret = says.part.call[says.row], says.part.ret[says.row]
    return ~says.there & (call > life.comes[says.element]) & (ret < life.goes[says.element])


def moments(says: Sayings, life: Lives) -> tuple[Column, Column]:
    """When each entry takes place, and its place among those of that moment; BEGINNING: not at all.

    Whoever takes place at one moment and says nothing of one and the same element may do so in any order.
    """
    part = says.part
    call = part.call[says.row]
    comes, goes = life.comes[says.element], life.goes[says.element]
    before = ~says.there & (call <= comes)
    adds, removes = says.row == life.add[says.element], says.row == life.remove[says.element]
    moment = np.where(before, call, np.maximum(call, goes))
    moment = np.where(says.there, np.maximum(call, comes), moment)
    moment = np.where(adds, comes, np.where(removes, goes, moment))
    place = np.where(before, 0, 4)
    place = np.where(says.there, 2, place)
    place = np.where(adds, 1, np.where(removes, 3, place))
    idle = (part.ret[says.row] == PENDING) & ~adds & ~removes
    return np.where(idle, BEGINNING, moment), place
