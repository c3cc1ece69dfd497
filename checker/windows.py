"""A small counterexample from the end of what the search refuted: a window that needs no past.

No order gets past some return. So the operations are cut there, and ever longer windows before it are tried: 8, 16, 32
... returns. Such a window begins in any state that the model can reach. What was called before it and ends in it may
have happened before, and what was called in it and ends after it may happen later: both are optional (they have no
return here), but an answer that they gave counts. If no state gives an order, then the history has none whatever was
before, and the window is made smaller: operations that change no state, then others that the model lets go.
`verify` does the same steps from the definitions.

If the model has many states, or no window is refuted, there is none; see shrink.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import structs

from checker.alarm import ended_in_time
from checker.bit_parallel import refuted_at
from checker.budget import Budget, Meter, OutOfBudget
from checker.depth_first import DepthFirst
from checker.history import PENDING, History, Operation
from checker.model import Model
from checker.models.register import Register, found, leaves, same
from checker.slots import Slots
from checker.steps import Steps
from checker.verdict import Decision

RETURNS_MIN, RETURNS_MAX = 8, 1024
"""Returns in the shortest and in the longest window that is tried."""

WINDOW_STEPS = 10_000
"""Configurations of one search of a window."""

PAIRS_MAX = 64
"""Operations that are tried together with the last one alone."""

STEPS_MIN = 40_000
"""Configurations of all searches together: twice those of the verdict, and at least so many."""


@dataclass(frozen=True)
class Window:
    """Rows of a counterexample that begins at an instant, and whether nothing more may go."""

    rows: tuple[int, ...]
    since: int
    minimal: bool


def window(part: History, decision: Decision, model: Model, budget: Budget) -> Window | None:
    """A small window of what a search refuted; None if none was found in at most twice the steps of the search."""
    if decision.until is None:
        return None
    meter = Meter(Budget(None, budget.seconds, None, budget.deadline))
    try:
        with ended_in_time(budget):
            steps = Steps(model)
            kinds = steps.kinds_of(part)
            if not steps.reach():
                return None
            finder = _Finder(part, kinds, steps, decision.until, meter, max(STEPS_MIN, 2 * decision.steps))
            return finder.find()
    except OutOfBudget:
        return None


class _Finder:
    def __init__(self, part: History, kinds: list[int], steps: Steps, until: int, meter: Meter, limit: int) -> None:
        self.part = part
        self.kinds = kinds
        self.steps = steps
        self.meter = meter
        self.limit = limit
        self.call = part.call
        self.ret = np.where(part.ret <= until, part.ret, PENDING)
        self.free = np.array([steps.effect_free[kind] for kind in kinds], dtype=np.bool_)
        called = (self.call <= until) & ~(self.free & (self.ret == PENDING))
        self.called = np.flatnonzero(called)
        self.ends = np.sort(self.ret[called & (self.ret != PENDING)])
        self.starts = range(len(steps.states))
        self.since = 0
        self.used = 0
        """Configurations of the last refutation."""

    def find(self) -> Window | None:
        """The smallest window that it finds."""
        size = RETURNS_MIN
        while not self._begins(size):
            size *= 2
            if size > min(RETURNS_MAX, 2 * len(self.ends)) or self.meter.steps > self.limit:
                return None
        few, many = size // 2 if size > RETURNS_MIN else 0, size  # not refuted, refuted
        while many - few > 1 and self.meter.steps < self.limit:
            middle = (few + many) // 2
            few, many = (few, middle) if self._begins(middle) else (middle, many)
        self._begins(many)
        rows = self._thinned(self._rows())
        minimal = self.meter.steps < self.limit
        return Window(tuple(sorted({*rows, *self._origins(rows)})), self.since, minimal)

    def _begins(self, size: int) -> bool:
        """Sets the beginning so many returns before the end; whether that window is refuted."""
        self.since = int(self.ends[max(len(self.ends) - size, 0)])
        rows = self._rows()
        return self._refuted(rows, [self.kinds[row] for row in rows], WINDOW_STEPS)

    def _rows(self) -> list[int]:
        """The rows of the window."""
        inside = (self.ret >= self.since) & ~(self.free & (self.call <= self.since))
        return [row for row in self.called.tolist() if inside[row]]

    def _refuted(self, rows: list[int], kinds: list[int], limit: int) -> bool:
        chosen = np.array(rows, dtype=np.int64)
        call = self.call[chosen]
        ret = np.where(call > self.since, self.ret[chosen], PENDING)
        slots = Slots(call, ret, kinds)
        starts = self.starts
        before = self.meter.steps
        self.meter.spend(len(rows))  # it costs something to begin
        refuted = bool(slots.pending) and refuted_at(slots, self.steps, self.meter, starts) is not None
        refuted = refuted or DepthFirst(slots, self.steps, self.meter, starts).run(limit) == "invalid"
        self.used = self.meter.steps - before
        return refuted

    def _thinned(self, rows: list[int]) -> list[int]:
        """Without what is not needed: in groups, then each alone until nothing more can go."""
        limit = 4 * self.used
        rows = self._pair(rows) or rows
        free = [row for row in rows if self.free[row]]
        others = [row for row in reversed(rows) if not self.free[row]]
        for group in (others, free):
            size = len(group)
            while size > 1:
                for at in range(0, len(group), size):
                    rows = self._without(rows, group[at : at + size], limit)
                size //= 2
        before = 0
        while before != len(rows):
            before = len(rows)
            for row in reversed(rows):
                rows = self._without(rows, [row], limit)
        return rows

    def _pair(self, rows: list[int]) -> list[int] | None:
        """The operation that returned last and another one, if alone they have no order: to this frequent case, leaving
        out one after the other may not lead."""
        ended = [row for row in rows if self.call[row] > self.since and self.ret[row] != PENDING]
        ended.sort(key=lambda row: int(self.ret[row]), reverse=True)
        for other in ended[1:PAIRS_MAX]:
            pair = self._without(rows, set(rows) - {ended[0], other}, WINDOW_STEPS)
            if len(pair) == 2:
                return pair
        return None

    def _without(self, rows: list[int], gone: Iterable[int], limit: int) -> list[int]:
        """The rows without some, if those may go and the rest is still refuted; else as they are."""
        out = set(gone)
        kept = [row for row in rows if row not in out]
        if len(kept) == len(rows) or self.meter.steps > self.limit:
            return rows
        staying = set(kept)
        dropped = [self._cut(row) for row in self._rows() if row not in staying and not self.free[row]]
        ops = [self._cut(row) for row in kept]
        weakened = self.steps.model.weakened(dropped, ops)
        if not self.steps.model.may_leave_out_of_window(dropped, weakened):
            return rows
        kinds = [
            self.kinds[row] if op is before else self.steps.kind(op)
            for row, op, before in zip(kept, weakened, ops, strict=True)
        ]
        return kept if self._refuted(kept, kinds, limit) else rows

    def _cut(self, row: int) -> Operation:
        op = self.part[row]
        inside = op.call > self.since and self.ret[row] != PENDING
        return op if inside else structs.replace(op, ret=PENDING)

    def _origins(self, rows: Sequence[int]) -> list[int]:
        """For readers of a register: of each value that no row of the window left, the latest operation that did."""
        if not isinstance(self.steps.model, Register):
            return []
        left = [leaves(self.part[row]) for row in rows if not self.free[row]]
        origins = []
        for row in rows:
            for value in found([self.part[row]]):
                if not any(same(value, other) for other in left):
                    left.append(value)
                    origins += self._latest_that_left(
                        value, int(np.searchsorted(self.call, self.ret[row], side="right"))
                    )
        return origins

    def _latest_that_left(self, value: Any, end: int) -> list[int]:
        """The last of the first `end` rows that may have left a value."""
        for row in range(end - 1, -1, -1):
            if not self.free[row] and same(leaves(self.part[row]), value):
                return [row]
        return []
