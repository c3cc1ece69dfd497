"""What queues, stacks and priority queues share: unique values that are inserted and taken.

A value is certainly inside in the open interval (in_by, out_from). Some patterns refute all three (after Henzinger,
Sezgin and Vafeiadis, "Aspect-Oriented Linearizability Proofs", CONCUR 2013): a value taken that no operation inserted,
or twice, or before its insertion began; a take that found nothing, although at each of its instants some value was
certainly inside.

A pending put happened iff its value was taken: any other may as well not have happened. A pending take may have taken
any value that no operation is known to have taken, or none. If the history is legal without the pending takes, it is
legal. To refute it, each of those values may have been taken by the earliest pending take (`with_pending_takes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from checker.history import INFO, PENDING, Column, History
from checker.values import shown
from checker.verdict import Decision, Edge, Explanation

METHOD = "values in and out"
CHUNKS_MAX = 128
"""A proof is thinned in ever smaller chunks, as long as there are not more of them: its result is then minimal."""

_COLUMNS = ("put", "take", "first", "in_by", "out_from", "last")


@dataclass(frozen=True)
class Values:
    """One entry per value that was put in, in columns, and the takes that belong to no value (as rows)."""

    part: History
    put: Column
    take: Column
    """-1 where no operation is known to have taken it."""
    first: Column
    """Call of the put."""
    in_by: Column
    """Put in by then: the return of the put, or of the take if that is earlier."""
    out_from: Column
    """Not taken before: the call of the take, or of the put if that is later. PENDING, as `last`, if never taken."""
    last: Column
    """Return of the take."""
    empties: Column
    """Takes that found nothing."""
    unknown: Column
    """Pending takes."""

    def __len__(self) -> int:
        return len(self.put)

    def with_pending_takes(self) -> Values:
        """The same where each value that no operation is known to have taken left as early as any pending take
        allows."""
        if not len(self.unknown):
            return self
        earliest = int(self.part.call[self.unknown].min())
        out_from = np.where(self.take < 0, np.maximum(self.first, earliest), self.out_from)
        return replace(self, out_from=out_from)

    def only(self, chosen: Sequence[int] | Column, empties: Sequence[int] | Column) -> Values:
        """The history of these values and of these takes that found nothing."""
        at = np.asarray(chosen, dtype=np.int64)
        columns = {name: getattr(self, name)[at] for name in _COLUMNS}
        return replace(self, **columns, empties=self.empties[np.asarray(empties, dtype=np.int64)])

    def rows(self, chosen: Iterable[int]) -> list[int]:
        """The rows of these values."""
        return [row for i in chosen for row in (int(self.put[i]), int(self.take[i])) if row >= 0]

    def value(self, i: int) -> str:
        return shown(self.part[int(self.put[i])].input)

    def refuted(
        self, kind: str, sentence: str, rows: Iterable[int], culprit: int, cycle: tuple[Edge, ...] = ()
    ) -> Decision:
        """Invalid because of these rows, all of a value or none.

        If a value was inserted that no operation is known to have taken, the pending takes are part of the proof: they
        do not help either. Those called later than all else do not matter.
        """
        chosen = {*rows}
        column = np.array(sorted(chosen), dtype=np.int64)
        missing = np.isin(column, self.put[self.take < 0]).any()
        if missing and len(self.unknown):
            ret = self.part.ret[column]
            end = ret[ret != PENDING].max(initial=int(self.part.call[column].max()))
            chosen.update(self.unknown[self.part.call[self.unknown] <= end].tolist())
        explanation = Explanation(kind, sentence, cycle, int(self.part.index[culprit]))
        return Decision("invalid", METHOD, counterexample=tuple(sorted(chosen)), explanation=explanation)


def read(part: History, put: str) -> Values | Decision | None:
    """The values of a part whose puts are named so; a refutation; or None where values repeat or one is None."""
    puts = np.flatnonzero(part.f == part.tables.f.code(put))
    pending = part.status == INFO
    others = part.f != part.tables.f.code(put)
    unknown = np.flatnonzero(others & pending)
    takes = np.flatnonzero(others & ~pending & (part.output != 0))
    empties = np.flatnonzero(others & ~pending & (part.output == 0))
    puts = puts[np.argsort(part.input[puts], kind="stable")]
    given = part.input[puts]
    if len(given) and (given[0] == 0 or (np.diff(given) == 0).any()):
        return None
    takes = takes[np.argsort(part.output[takes], kind="stable")]
    taken = part.output[takes]
    source = np.searchsorted(given, taken)
    known = source < len(given)
    known[known] = given[source[known]] == taken[known]
    taker = np.full(len(puts), -1, dtype=np.int64)
    taker[source[known]] = takes[known]
    has = taker >= 0
    call, ret = part.call[puts], part.ret[puts]
    take_call = np.where(has, part.call[taker], PENDING)
    take_ret = np.where(has, part.ret[taker], PENDING)
    values = Values(
        part,
        puts,
        taker,
        call,
        np.minimum(ret, take_ret),
        np.where(has, np.maximum(call, take_call), PENDING),
        take_ret,
        empties,
        unknown,
    )
    again = np.flatnonzero(np.diff(taken) == 0)
    if len(again):
        return _twice(values, takes[taken == taken[again[0]]])
    if not known.all():
        row = int(takes[~known].min())
        sentence = f"Phantom value: #{part.index[row]} took {shown(part[row].output)}, which no operation inserted."
        return values.refuted("phantom-value", sentence, [row], row)
    early = np.flatnonzero(take_ret < call)
    if len(early):
        return _early(values, int(early[np.argmin(take_ret[early])]))
    happened = np.flatnonzero(has | (part.status[puts] != INFO))
    return values.only(happened, np.arange(len(empties)))


def _twice(values: Values, takers: Column) -> Decision:
    """All takers of the value stand in the proof: leaving out some of its operations would not be sound."""
    part, (first, second) = values.part, sorted(takers.tolist())[:2]
    one, other = part[first], part[second]
    sentence = (
        f"Taken twice: #{one.index} and #{other.index} both took {shown(other.output)}, which was inserted at most "
        "once."
    )
    put = values.put[part.input[values.put] == part.output[first]]
    return values.refuted("duplicate-value", sentence, [*takers.tolist(), *put.tolist()], second)


def _early(values: Values, i: int) -> Decision:
    put, take = int(values.put[i]), int(values.take[i])
    a, b = values.part[take], values.part[put]
    sentence = f"Taken before inserted: #{a.index} took {shown(a.output)} and had finished before #{b.index} "
    sentence += "began to insert it."
    cycle = (Edge(a.index, b.index, "real time"), Edge(b.index, a.index, "read by"))
    return values.refuted("value-from-the-future", sentence, [put, take], take, cycle)


@dataclass(frozen=True)
class Inside:
    """When some value is certainly inside: disjoint open intervals (start, end), in order of time."""

    start: Column
    end: Column

    def free_from(self, instants: Column) -> Column:
        """For each instant, the first one from then on at which no value need be inside."""
        at = np.searchsorted(self.start, instants, side="left") - 1
        ends = np.where(at >= 0, self.end[at], instants) if len(self.start) else instants
        return np.maximum(instants, ends)


def inside(values: Values) -> Inside:
    """The union of the open intervals (in_by, out_from); two that only touch leave a free instant."""
    sure = np.flatnonzero(values.in_by < values.out_from)
    sure = sure[np.argsort(values.in_by[sure], kind="stable")]
    start, reach = values.in_by[sure], np.maximum.accumulate(values.out_from[sure])
    new = np.ones(len(sure), dtype=np.bool_)
    new[1:] = start[1:] >= reach[:-1]
    last = np.append(new[1:], True) if len(sure) else new
    return Inside(start[new], reach[last])


def wrongly_empty(values: Values) -> Decision | None:
    """Refutes a take that found nothing although some value was certainly inside at each of its instants."""
    part, rows = values.part, values.empties
    bad = rows[inside(values).free_from(part.call[rows]) > part.ret[rows]]
    if not len(bad):
        return None
    row = int(bad[np.argmin(part.ret[bad])])
    chosen = cover(values, int(part.call[row]), int(part.ret[row]))
    names = ", then ".join(values.value(i) for i in chosen)
    sentence = (
        f"Not empty: #{part.index[row]} found nothing, but at every instant while it ran a value was inside: {names}."
    )
    return values.refuted("wrongly-empty", sentence, [row, *values.rows(chosen)], row)


def cover(values: Values, first: int, last: int) -> list[int]:
    """Values of which at each instant in [first, last] one is certainly inside, as few as possible; it must be so."""
    chosen = []
    instant = first
    while instant <= last:
        candidates = np.flatnonzero(values.in_by < instant)
        chosen.append(int(candidates[np.argmax(values.out_from[candidates])]))
        instant = int(values.out_from[chosen[-1]])
    return chosen


def thinned(count: int, refuted: Callable[[Column], bool]) -> Column:
    """As few of `count` values as are still refuted: any more of them would be as well."""
    kept = np.arange(count)
    size = (count + 1) // 2
    while size and len(kept) <= CHUNKS_MAX * size:
        for start in reversed(range(0, len(kept), size)):
            less = np.delete(kept, np.s_[start : start + size])
            if refuted(less):
                kept = less
        size //= 2
    return kept
