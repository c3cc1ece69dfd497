"""Minimises the counterexample of a search: operations that are not needed, and may soundly be left out, are dropped.

The result is 1-minimal: without any one of its operations (where leaving it out is sound), the rest has an order.
Reads go first, in ever smaller groups, then writes from the latest on, since no read observes them any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from msgspec import structs

from checker.budget import Budget
from checker.history import PENDING, History, Operation
from checker.model import Model
from checker.search import decide
from checker.verdict import Decision

NOT_MINIMAL = "the counterexample may not be minimal: minimising it ran out of steps or time"

STEPS_MAX = 200_000
"""Steps of all searches together (and twice those of the first): what needs more may end up not minimal."""

THIN_STEPS = 1_000
"""Steps of a search that tries to leave out many at once: without its reads, a history may have very many orders."""

ONE_STEPS = 10_000
"""Steps of a search that tries to leave out one operation."""

OPERATION_STEPS = 3
"""What each operation of a search costs to set it up, in steps."""

ALONE_MAX = 8
"""How many of the operations which returned last are tried alone."""

REPEATED_STEPS_MAX = 5_000
"""A search that took more is not repeated only to find an earlier end."""

INSTANTS_MAX = 64
"""How far back (in calls) an earlier end of the counterexample is searched for."""


def shrink(
    part: History, decision: Decision, model: Model, budget: Budget | None = None
) -> tuple[tuple[int, ...], bool]:
    """Rows of a small counterexample, and whether it is 1-minimal, from what a search of `part` decided.

    Of the budget only the deadline counts.
    """
    ops = list(part)
    shrinker = _Shrinker(model, decision.steps, budget or Budget())
    last = ops[decision.counterexample[-1]].call
    instants = [min((op.call for op in ops if op.call > last), default=PENDING)]
    if decision.steps <= REPEATED_STEPS_MAX:
        instants = sorted({op.call for op in ops if op.call <= last})[-INSTANTS_MAX:] + instants
    low, high = 0, len(instants) - 1
    while low < high:  # the history before the last instant has no order; the first such instant is wanted
        middle = (low + high) // 2
        if shrinker.refuted(_before(instants[middle], ops), decision.steps + THIN_STEPS):
            high = middle
        else:
            low = middle + 1
    rows = shrinker.minimal(_before(instants[high], ops))
    return rows, shrinker.steps_left > 0


def _before(instant: int, ops: Sequence[Operation]) -> list[Operation]:
    """What was called before an instant; what had not returned by then may not have happened yet."""
    called = [op for op in ops if op.call < instant]
    return [op if op.ret < instant else structs.replace(op, ret=PENDING) for op in called]


class _Shrinker:
    def __init__(self, model: Model, steps: int, budget: Budget) -> None:
        """`steps`: what the first search took."""
        self.model = model
        self.budget = budget
        self.steps_left = STEPS_MAX + 2 * steps
        self.ops: Sequence[Operation] = ()
        self.kept: list[int] = []

    def minimal(self, ops: Sequence[Operation]) -> tuple[int, ...]:
        """Rows of what is needed of `ops`, which have no order."""
        self.ops = ops
        self.kept = list(range(len(ops)))
        self._window()
        free = [row for row in self.kept if self.model.effect_free(self.ops[row])]
        self._thin(free)
        changing = set(self.kept) - set(free)
        self._thin(sorted(changing, reverse=True))
        size = -1
        while size != len(self.kept) and self.steps_left > 0:
            size = len(self.kept)
            for row in reversed(self.kept):
                self._leave_out([row], ONE_STEPS)
        return tuple(self.kept)

    def refuted(self, ops: Sequence[Operation], steps: int) -> bool:
        """True if a search of so many steps finds that these operations have no order."""
        if self.steps_left <= 0:
            return False
        budget = replace(self.budget, steps=min(steps, self.steps_left), memory_mb=None)
        decision = decide(History.of(ops), self.model, budget)
        self.steps_left = (
            0 if decision.bound == "seconds" else self.steps_left - decision.steps - OPERATION_STEPS * len(ops)
        )
        return decision.outcome == "invalid"

    def _window(self) -> None:
        """Often one of those which returned last has no place even alone, or the last few operations have no order."""
        ended = [row for row in self.kept if self.ops[row].ret != PENDING]
        for alone in sorted(ended, key=lambda row: self.ops[row].ret)[-ALONE_MAX:]:
            if self._leave_out([row for row in self.kept if row != alone], THIN_STEPS):
                return
        size = 2
        while size < len(self.ops):
            if self._leave_out(range(len(self.ops) - size), THIN_STEPS):
                return
            size *= 2

    def _thin(self, rows: list[int]) -> None:
        """Leaves out as many of these rows as can be, halves first."""
        if self.steps_left <= 0 or not rows or self._leave_out(rows, THIN_STEPS) or len(rows) == 1:
            return
        middle = len(rows) // 2
        self._thin(rows[:middle])
        self._thin(rows[middle:])

    def _leave_out(self, rows: Iterable[int], steps: int) -> bool:
        """Leaves these rows out if that is sound and what remains has no order."""
        if self.steps_left <= 0:
            return False
        self.steps_left -= len(self.ops)  # to look through them
        without = set(rows)
        remaining = [row for row in self.kept if row not in without]
        staying = set(remaining)
        kept = [self.ops[row] for row in remaining]
        if not self.model.may_leave_out([op for row, op in enumerate(self.ops) if row not in staying], kept):
            return False
        if not self.refuted(kept, steps):
            return False
        self.kept = remaining
        return True
