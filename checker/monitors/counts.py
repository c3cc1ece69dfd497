"""What counting alone refutes of a container in which values repeat. Sound, not complete; n log n for each value.

*Taken too often*: when a take of a value returned, more takes of it had ended than inserts of it had been called.

*Never out of the way*: while a take ran, at each instant t more values that would have had to be gone had certainly
come than may have left: inserts of these that ended before t outnumber takes of them (and pending ones) called by t. In
a priority queue these are all smaller values; for a take that found nothing, all values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from checker.history import INFO, PENDING, Column, History
from checker.models.bags import Bag, Counted, PriorityQueue

VALUES_MAX = 64
"""So many values are looked at one after another: of more, none."""

NOTHING = -1
"""Stands for the value of a take that found nothing."""


@dataclass(frozen=True)
class Refuted:
    """A row that has no place, and the values that show it: what it took, and those of which each is enough to hinder
    it, or else all of these together."""

    late: int
    value: Any
    hindering: tuple[Any, ...]


def refuted(part: History, model: Bag) -> Refuted | None:
    """The first violation that counting shows (by return); None if it shows none, or there are many values."""
    counts = _Counts(part, model)
    if len(counts.codes) > VALUES_MAX:
        return None
    found = [*counts.taken_too_often(), *(counts.hindered() if isinstance(model, Counted) else ())]
    return min(found, key=lambda one: int(part.ret[one.late]), default=None)


class _Counts:
    def __init__(self, part: History, model: Bag) -> None:
        self.part = part
        self.model = model
        names = part.tables.f
        put, take = part.f == names.code(model.put), part.f == names.code(model.take)
        sure = part.status != INFO
        self.puts = np.flatnonzero(put)
        self.unknown = np.sort(part.call[take & ~sure])
        self.takes = np.flatnonzero(take & sure & (part.output != 0))
        self.empties = np.flatnonzero(take & sure & (part.output == 0))
        self.codes: list[int] = np.unique(np.concatenate((part.input[self.puts], part.output[self.takes]))).tolist()

    def taken_too_often(self) -> Iterator[Refuted]:
        part = self.part
        for code in self.codes:
            rows = self._takes_of([code])
            rows = rows[np.argsort(part.ret[rows], kind="stable")]
            called = np.sort(part.call[self._puts_of([code])])
            ended = np.arange(1, len(rows) + 1)
            wrong = rows[(ended > np.searchsorted(called, part.ret[rows], side="right")) & (part.ret[rows] != PENDING)]
            if len(wrong):
                yield Refuted(int(wrong[0]), self._value(code), ())

    def hindered(self) -> Iterator[Refuted]:
        """Takes of each value, and those that found nothing, with all that would have had to be gone."""
        values = [self._value(code) for code in self.codes]
        takes = [(self.empties, None, self.codes)] if len(self.empties) else []
        if isinstance(self.model, PriorityQueue):
            takes += [
                (
                    self._takes_of([code]),
                    value,
                    [other for other, less in zip(self.codes, values, strict=True) if less < value],
                )
                for code, value in zip(self.codes, values, strict=True)
            ]
        for rows, value, others in takes:
            late = self._first(rows, others)
            if late is not None:
                alone = [other for other in others if self._first(np.array([late]), [other]) is not None]
                yield Refuted(late, value, tuple(self._value(code) for code in alone or others))

    def _first(self, rows: Column, others: list[int]) -> int | None:
        """The row that returned first of those during which others were always inside."""
        if not len(rows) or not others:
            return None
        call, ret = self.part.call[rows], self.part.ret[rows]
        came = np.sort(self.part.ret[self._puts_of(others)])
        went = np.sort(np.concatenate((self.part.call[self._takes_of(others)], self.unknown)))

        def inside(instants: Column) -> Column:
            gone = np.searchsorted(went, instants, side="right")
            return np.asarray(np.searchsorted(came, instants, side="left") - gone)

        least = inside(call)
        first, end = np.searchsorted(went, call, side="right"), np.searchsorted(went, ret, side="right")
        some = np.flatnonzero(end > first)
        if len(some):
            at = np.append(inside(went), 0)
            bounds = np.stack((first[some], end[some]), axis=1).reshape(-1)
            least[some] = np.minimum(least[some], np.minimum.reduceat(at, bounds)[::2])
        wrong = rows[(least > 0) & (ret != PENDING)]
        return int(wrong[np.argmin(self.part.ret[wrong])]) if len(wrong) else None

    def _takes_of(self, codes: list[int]) -> Column:
        return self.takes[np.isin(self.part.output[self.takes], codes)]

    def _puts_of(self, codes: list[int]) -> Column:
        return self.puts[np.isin(self.part.input[self.puts], codes)]

    def _value(self, code: int) -> Any:
        return self.part.tables.value.values[code]
