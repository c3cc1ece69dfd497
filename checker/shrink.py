"""Makes the counterexample of a search small: what may be left out soundly, and is not needed, goes.

The result is 1-minimal: without any one of its operations (where leaving it out is sound), the rest has an order.
Reads go first, in ever smaller groups, then writes from the latest on, since nobody observes them any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from checker.budget import Budget
from checker.history import PENDING, History, Operation
from checker.model import Model
from checker.search import decide

THIN_STEPS = 4_000
"""Steps of a search that tries to leave out many at once: without its reads, a history may have very many orders."""

TESTS_MAX = 2000
"""Subsets tried: a history that needs more keeps a counterexample that is sound, but not minimal."""

MOMENTS_MAX = 64
"""How far back (in calls) an earlier end of the counterexample is looked for."""


def shrink(part: History, rows: Sequence[int], model: Model, budget: Budget) -> tuple[int, ...]:
    """Rows of a small counterexample, from those (in order of call) which a search of `part` found to be one."""
    ops = list(part)
    last = ops[rows[-1]].call
    moments = sorted({op.call for op in ops if op.call <= last})[-MOMENTS_MAX:]
    moments.append(min((op.call for op in ops if op.call > last), default=PENDING))
    low, high = 0, len(moments) - 1
    while low < high:  # the history before the last moment has no order; the first such moment is wanted
        middle = (low + high) // 2
        earlier = _before(moments[middle], ops)
        if decide(History.of(earlier), model, budget).outcome == "invalid":
            high = middle
        else:
            low = middle + 1
    return _Shrinker(_before(moments[high], ops), model, budget).minimal()


def _before(moment: int, ops: Sequence[Operation]) -> list[Operation]:
    """What was called before a moment; what had not returned by then may not have happened yet."""
    called = [op for op in ops if op.call < moment]
    return [op if op.ret < moment else structs.replace(op, ret=PENDING) for op in called]


class _Shrinker:
    def __init__(self, ops: Sequence[Operation], model: Model, budget: Budget) -> None:
        """`ops` alone have no order; rows are their places."""
        self.ops = ops
        self.model = model
        self.budget = budget
        self.thin = replace(budget, steps=min(THIN_STEPS, budget.steps or THIN_STEPS))
        self.kept = list(range(len(ops)))
        self.tests = 0

    def minimal(self) -> tuple[int, ...]:
        free = [row for row in self.kept if self.model.effect_free(self.ops[row])]
        self._thin(free)
        self._thin([row for row in self.kept if row not in free][::-1])
        size = -1
        while size != len(self.kept) and self.tests < TESTS_MAX:
            size = len(self.kept)
            for row in reversed(self.kept):
                self._leave_out([row], self.budget)
        return tuple(self.kept)

    def _thin(self, rows: list[int]) -> None:
        """Leaves out as many of these rows as can be, halves first."""
        if self.tests >= TESTS_MAX or not rows or self._leave_out(rows, self.thin) or len(rows) == 1:
            return
        middle = len(rows) // 2
        self._thin(rows[:middle])
        self._thin(rows[middle:])

    def _leave_out(self, rows: Sequence[int], budget: Budget) -> bool:
        """Leaves these rows out if that is sound and what remains has no order."""
        self.tests += 1
        without = set(rows)
        remaining = [row for row in self.kept if row not in without]
        staying = set(remaining)
        kept = [self.ops[row] for row in remaining]
        if not self.model.may_leave_out([op for row, op in enumerate(self.ops) if row not in staying], kept):
            return False
        if decide(History.of(kept), self.model, budget).outcome != "invalid":
            return False
        self.kept = remaining
        return True
