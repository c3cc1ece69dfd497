"""A small counterexample from the end of what the search refuted: a window.

No order gets past some return. So the operations are cut there, and what returns in the window but was called in it
and ends after it may happen later: it has no return here, but an answer that it gave counts.

*Without a past.* Ever longer windows are tried: 8, 16, 32 ... returns. They begin in any state that the model can
reach, and what was called before and ends in the window may have happened before. If no state gives an order, then the
history has none, whatever was before.

*With a past.* Where those are all legal, or the model has many states, the past counts: what the system may look like
(possible.py) when each of the last operations returns. There is no order from any of that; of those instants, one is
chosen at which there is least to say.

Then the window is made smaller: operations that change no state go, then others that the model lets go. `verify` does
the same steps from the definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from msgspec import structs

from checker.alarm import ended_in_time
from checker.bit_parallel import WIDTH_MAX, refuted_at
from checker.budget import Budget, Meter, OutOfBudget
from checker.counting import Counting
from checker.depth_first import DepthFirst
from checker.history import PENDING, History, Operation
from checker.model import Model
from checker.models.register import Register, found, leaves, same
from checker.possible import TooMany, kind_of, possible
from checker.slots import Slots
from checker.sparse import Sparse
from checker.steps import Steps
from checker.verdict import Decision, Start

RETURNS_MIN, RETURNS_MAX = 8, 128
"""Returns in the shortest and in the longest window that is tried."""

WINDOW_STEPS = 10_000
"""Configurations of one search of a window."""

PAIRS_WITHIN, PAIRS_MAX = (16, 64), 64
"""Returns in the windows of which two operations are tried alone, the last and another; so many others at most."""

STEPS_MIN = 40_000
"""Configurations of all searches together: twice those of the verdict, and at least so many."""

FEW = 30
"""Operations of a window that is small enough: if one without a past has more, one with a past is tried."""

INSTANTS, TRIED = 24, 3
"""So many returns before the end are looked at as the beginning of a window with a past, and so many are tried."""

WALK_MIN = 200_000
"""Possibilities looked at to know how such a window may begin: as many as configurations of all searches together, and
at least so many."""


@dataclass(frozen=True)
class Window:
    """Rows of a counterexample that begins at an instant, whether nothing more may go, and how the system may begin
    (None: in any state)."""

    rows: tuple[int, ...]
    since: int
    minimal: bool
    starts: tuple[Start, ...] | None = None


def window(part: History, decision: Decision, model: Model, budget: Budget) -> Window | None:
    """A small window of what a search refuted; None if none was found in a few times the steps of the search."""
    if decision.until is None:
        return None
    limit = max(STEPS_MIN, 2 * decision.steps)
    found: list[Window] = []
    try:
        with ended_in_time(budget):
            steps = Steps(model)
            kinds = steps.kinds_of(part)
            listed = steps.reach()
            for finder in (_Finder, _FromThePast) if listed else (_FromThePast,):
                meter = Meter(Budget(None, budget.seconds, None, budget.deadline))
                few = finder(part, kinds, steps, decision, meter, limit).find()
                found += [few] if few is not None else []
                if few is not None and len(few.rows) <= FEW:
                    break
    except OutOfBudget:
        pass
    return min(found, key=lambda few: len(few.rows), default=None)


class _Finder:
    """Finds a window without a past."""

    def __init__(
        self, part: History, kinds: list[int], steps: Steps, decision: Decision, meter: Meter, limit: int
    ) -> None:
        until = PENDING if decision.until is None else decision.until
        self.part = part
        self.counted = decision.counted
        self.ops = list(part)
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
        self.since = 0
        self.starts: list[tuple[int, frozenset[int]]] = [(state, frozenset()) for state in range(len(steps.states))]
        """The states in which it may begin, and the rows of what has taken effect in them."""
        self.staying: set[int] = set()
        """Rows that are never left out."""
        self.used = 0
        """Configurations of the last refutation."""

    def find(self) -> Window | None:
        """The smallest window that it finds."""
        for size in PAIRS_WITHIN:
            self.since = int(self.ends[max(len(self.ends) - size, 0)])
            pair = self._pair(self._rows())
            if pair is not None:
                return self._window(pair)
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
        return self._window(self._thinned(self._rows()))

    def _window(self, rows: list[int]) -> Window:
        """The window of these rows, with the operations that left what they found; of those, not one that would have a
        part in it."""
        minimal = self.meter.steps < self.limit
        origins = set(self._origins(rows)).difference(self._rows())
        return Window(tuple(sorted({*rows, *origins})), self.since, minimal)

    def _begins(self, size: int) -> bool:
        """Sets the beginning so many returns before the end; whether that window is refuted."""
        self.since = int(self.ends[max(len(self.ends) - size, 0)])
        return self._whole_refuted()

    def _whole_refuted(self) -> bool:
        rows = self._rows()
        return self._refuted(rows, [self.kinds[row] for row in rows], WINDOW_STEPS)

    def _rows(self) -> list[int]:
        """The rows of the window."""
        inside = (self.ret >= self.since) & ~(self.free & (self.call <= self.since))
        return [row for row in self.called.tolist() if inside[row]]

    def _returns(self, row: int) -> bool:
        """Whether a row of the window certainly takes effect in it."""
        return bool(self.call[row] > self.since and self.ret[row] != PENDING)

    def _refuted(self, rows: list[int], kinds: list[int], limit: int) -> bool:
        before = self.meter.steps
        begins: dict[frozenset[int], set[int]] = {}
        for state, done in self.starts:
            begins.setdefault(done.intersection(rows), set()).add(state)
        refuted = True
        for done, states in begins.items():
            left = [(row, kind) for row, kind in zip(rows, kinds, strict=True) if row not in done]
            refuted = refuted and self._refuted_from(sorted(states), left, limit)
        self.used = self.meter.steps - before
        return refuted

    def _refuted_from(self, states: list[int], rows: list[tuple[int, int]], limit: int) -> bool:
        call = np.array([self.call[row] for row, _ in rows], dtype=np.int64)
        ret = np.array([self.ret[row] if self._returns(row) else PENDING for row, _ in rows], dtype=np.int64)
        slots = Slots(call, ret, [kind for _, kind in rows])
        self.meter.spend(len(rows))  # it costs something to begin
        if slots.width > WIDTH_MAX:
            refuted = Sparse(slots, self.steps, self.meter, states).run(limit) is not None
        else:
            refuted = refuted_at(slots, self.steps, self.meter, states) is not None
        search = Counting if slots.pending else DepthFirst
        return refuted or search(slots, self.steps, self.meter, states).run(limit) == "invalid"

    def _thinned(self, rows: list[int]) -> list[int]:
        """Without what is not needed: in groups, then each alone until nothing more can go."""
        limit = 4 * self.used
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
        """The operation that returned last and another one of more rows, if alone they have no order: to this frequent
        case, leaving out one after the other may not lead."""
        ended = [row for row in rows if self._returns(row)]
        ended.sort(key=lambda row: int(self.ret[row]), reverse=True)
        for other in ended[1:PAIRS_MAX] if len(rows) > 2 else ():
            pair = self._without(rows, set(rows) - {ended[0], other}, WINDOW_STEPS)
            if len(pair) == 2:
                return pair
        return None

    def _without(self, rows: list[int], gone: Iterable[int], limit: int) -> list[int]:
        """The rows without some, if those may go and the rest is still refuted; else as they are."""
        out = set(gone) - self.staying
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
        return self.ops[row] if self._returns(row) else structs.replace(self.ops[row], ret=PENDING)

    def _origins(self, rows: Sequence[int]) -> list[int]:
        """For readers of a register: of each value that no row of the window left, the latest operation that did."""
        if not isinstance(self.steps.model, Register):
            return []
        left = [leaves(self.ops[row]) for row in rows if not self.free[row]]
        origins = []
        for row in rows:
            for value in found([self.ops[row]]):
                if not any(same(value, other) for other in left):
                    left.append(value)
                    origins += self._latest_that_left(value, self.ops[row].ret)
        return origins

    def _latest_that_left(self, value: Any, until: int) -> list[int]:
        """The last row that may have left a value by then."""
        for row in reversed(self.called.tolist()):
            if self.call[row] <= until and not self.free[row] and same(leaves(self.ops[row]), value):
                return [row]
        return []


class _FromThePast(_Finder):
    """Finds a window that begins as the system may look after what was before."""

    def find(self) -> Window | None:
        instants = np.unique(self.ends)[-INSTANTS:].tolist()
        changing = {op.index for op, free in zip(self.ops, self.free.tolist(), strict=True) if not free}
        row_of = {op.index: row for row, op in enumerate(self.ops)}
        pending = np.flatnonzero(self.part.ret == PENDING).tolist()

        def changes(op: Operation) -> bool:
            return op.index in changing

        for some in dict.fromkeys(((), self.counted, tuple(pending))):
            tries = max(WALK_MIN, self.limit)
            kinds = {kind_of(self.ops[row]) for row in some}
            try:
                starts = possible(self.ops, self.steps.model, changes, instants, tries, counted=kinds)
            except TooMany:
                continue
            best: list[tuple[int, int, int]] = []
            for since in instants:
                self._begin(since, starts[since], row_of)
                best += [(len(set(self.starts)), len(self._rows()), since)] if self.starts else []
            for _, _, since in sorted(best)[:TRIED]:
                self._begin(since, starts[since], row_of)
                if self._whole_refuted():
                    shown = self._shown(some) if some == self.counted else set()
                    self.staying = shown.intersection(self._rows())
                    return self._window([*self._thinned(self._rows()), *shown.difference(self._rows())])
        return None

    def _shown(self, counted: Iterable[int]) -> set[int]:
        """One operation of each kind that was counted, of those that have taken effect if one has: so it is known which
        kinds were."""
        return set({self.kinds[row]: row for row in sorted(counted, key=lambda row: row in self.done)}.values())

    def _begin(self, since: int, starts: Sequence[Start], row_of: dict[int, int]) -> None:
        self.since = since
        self.starts = [
            (self.steps.state(start.state), frozenset(row_of[index] for index in start.done)) for start in starts
        ]
        self.done = frozenset.intersection(*(done for _, done in self.starts)) if starts else frozenset()

    def _rows(self) -> list[int]:
        return [row for row in self.called.tolist() if self.ret[row] >= self.since and row not in self.done]

    def _returns(self, row: int) -> bool:
        return bool(self.ret[row] != PENDING)

    def _window(self, rows: list[int]) -> Window:
        found = super()._window(rows)
        starts = dict.fromkeys(
            (state, frozenset(self.ops[row].index for row in done.intersection(found.rows)))
            for state, done in self.starts
        )
        return replace(found, starts=tuple(Start(self.steps.states[state], done) for state, done in starts))
