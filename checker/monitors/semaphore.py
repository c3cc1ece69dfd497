"""The monitor of semaphores: exact, n log n, for any numbers of permits.

Nothing but an acquire asks for anything, and only releases help it. So a release takes place as early as it can, at its
call, and an acquire as late as it can, at its return; a pending acquire never. If that order is not legal, none is:
when some acquire returns, all those that had returned by then, and no releases but those called by then, came before
the last of them in any order.
"""

from __future__ import annotations

import numpy as np

from checker.history import INFO, Column, History
from checker.models.locks import permits
from checker.verdict import Decision, Explanation

METHOD = "permits"


def decide(part: History, free: int) -> Decision | None:
    """`free`: how many permits there are at the beginning. None where an operation has no number of permits."""
    numbers = {code: part.tables.value.values[code] for code in np.unique(part.input).tolist()}
    if not all(value is None or (type(value) is int and value >= 0) for value in numbers.values()):
        return None
    count = np.array([permits(op) for op in part], dtype=np.int64)
    acquires = part.f == part.tables.f.code("acquire")
    refused = acquires & (part.output == part.tables.value.code(False)) & (part.status != INFO)
    rows = np.flatnonzero(~acquires | refused | (part.status != INFO))
    takes = (acquires & ~refused)[rows]
    rows = rows[np.lexsort((takes, np.where(takes, part.ret[rows], part.call[rows])))]
    change = np.where(refused[rows], 0, np.where(acquires[rows], -count[rows], count[rows]))
    left = free + np.cumsum(change)
    wrong = np.flatnonzero((left < 0) & (change < 0))
    if not len(wrong):
        return Decision("valid", METHOD, witness=rows)
    until = rows[: int(wrong[0]) + 1]
    return _invalid(part, until[~refused[until]], count, acquires, free)


def _invalid(part: History, rows: Column, count: Column, acquires: Column, free: int) -> Decision:
    """These rows, in order: too many permits are acquired by the last one."""
    late = part[int(rows[-1])]
    taken, given = int(count[rows[acquires[rows]]].sum()), int(count[rows[~acquires[rows]]].sum())
    sentence = (
        f"Too many permits: when #{late.index} returned, {taken} had been acquired, but {free} were there at the "
        f"beginning (--initial), and releases of {given} had begun."
    )
    few = _cut(part, rows, count, acquires, free)
    explanation = Explanation("too-many-permits", sentence, culprit=late.index)
    return Decision("invalid", METHOD, counterexample=tuple(sorted(few.tolist())), explanation=explanation)


def _cut(part: History, rows: Column, count: Column, acquires: Column, free: int) -> Column:
    """Without the longest beginning of acquires that ended before all others began, and releases of no more permits:
    if what is left acquires too many as well."""
    takes, gives = rows[acquires[rows]], rows[~acquires[rows]]
    takes = takes[np.argsort(part.call[takes], kind="stable")]
    ended = np.maximum.accumulate(part.ret[takes])
    taken, given = np.cumsum(count[takes]), np.cumsum(count[gives])
    for at in (1 + np.flatnonzero(ended[:-1] < part.call[takes[1:]]))[::-1].tolist():
        gone = int(np.searchsorted(given, taken[at - 1], side="right"))
        less = int(given[gone - 1]) if gone else 0
        if free + given[-1:].sum() - less < taken[-1] - taken[at - 1]:
            return np.concatenate((takes[at:], gives[gone:]))
    return rows
