"""Stacks, priority queues and unordered queues in which values repeat.

What counting refutes (counts.py) is refuted at once; the search decides the rest. What is in a priority queue follows
from which operations have taken effect ("anagram-agnostic data types", PLDI 2026, arXiv 2509.05586), so the search,
which remembers these, is exponential in the operations under way alone.

A refuted history is cut to few operations by what the model lets go (bags.py): to the value that was taken and one
other; then to the end after a beginning that leaves nothing behind; then without inserts of values that are there
often enough. Each cut is refuted again, and the verifier judges the last one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from msgspec import structs

from checker.budget import Budget
from checker.history import BEGINNING, PENDING, History, Operation, identity
from checker.models.bags import Bag, Counted
from checker.monitors import counts
from checker.monitors.thinning import AS_ONE, without_needless
from checker.search import decide as search
from checker.shrink import NOT_MINIMAL
from checker.verdict import Decision

METHOD = "counts"

WHOLE_MAX = 64
"""What has no more operations than these is minimised from the beginning on, by judging.py."""

FEW_MAX = 64
"""A counterexample of more operations is left to the search as well."""

OTHERS_MAX = 12
"""So many other values are tried beside the one that fits nowhere: those inserted last before it."""

STEPS_MIN = 40_000
"""Configurations of all searches together that make a counterexample smaller: as many as those of the search, and so
many."""

STEPS_EACH = 20_000
"""Configurations of one of them."""


def decide(part: History, budget: Budget, model: Bag) -> Decision | None:
    """Judges a container of any values; None where the search should make its counterexample smaller."""
    counted = counts.refuted(part, model)
    if counted is not None:
        values = [_sets(counted.value, counted.hindering)]
        few = _Cut(part, model, counted.late, 0, budget).fewer(values[0])
        return None if few is None else _invalid(few, METHOD, 0)
    decision = search(part, model, budget)
    if decision.outcome != "invalid" or len(part) <= WHOLE_MAX or decision.until is None:
        return None if decision.outcome == "invalid" else decision
    late = int(np.flatnonzero(part.ret == decision.until)[0])
    few = _Cut(part, model, late, decision.steps, budget).fewer(None)
    return None if few is None else _invalid(few, decision.method, decision.steps)


def _invalid(rows: list[int], method: str, steps: int) -> Decision:
    return Decision("invalid", method, counterexample=tuple(rows), steps=steps, reason=NOT_MINIMAL)


def _sets(value: Any, hindering: Iterable[Any]) -> list[set[Any]]:
    """Sets of values, as identities, to try."""
    own = set() if value is None else {identity(value)}
    others = [identity(other) for other in hindering]
    return [*({*own, other} for other in others), {*own, *others}]


class _Cut:
    """Makes what was refuted smaller."""

    def __init__(self, part: History, model: Bag, late: int, steps: int, budget: Budget) -> None:
        self.model = model
        self.budget = budget
        self.left = STEPS_MIN + steps
        until = int(part.ret[late])
        ops = (part[row] for row in np.flatnonzero(part.call <= until).tolist())
        self.ops = {op.index: op if op.ret <= until else structs.replace(op, ret=PENDING) for op in ops}
        self.rows = {int(index): row for row, index in enumerate(part.index)}
        self.late = self.ops[int(part.index[late])]

    def fewer(self, sets: list[set[Any]] | None) -> list[int] | None:
        """Rows of few operations that have no order, None if none were found."""
        every = list(self.ops.values())
        chosen = next((some for some in self._of_values(every, sets) if self._refuted(some)), None)
        if chosen is None:
            if sets is not None:
                return None
            chosen = every
        chosen = self._without_beginning(chosen)
        observing = [op for op in chosen if op.f != self.model.put and self.model.effect_free(op)]
        chosen = without_needless(chosen, observing, self._refuted_alone)
        for value in dict.fromkeys(identity(op.input) for op in chosen if op.f == self.model.put):
            puts = [op for op in chosen if op.f == self.model.put and identity(op.input) == value]
            chosen = without_needless(chosen, sorted(puts, key=lambda op: op.ret, reverse=True), self._refuted_alone)
        return None if len(chosen) > FEW_MAX else sorted(self.rows[op.index] for op in chosen)

    def _of_values(self, ops: list[Operation], sets: list[set[Any]] | None) -> Iterator[list[Operation]]:
        late = self.late
        if sets is None:
            puts = sorted((op for op in ops if op.f == self.model.put), key=lambda op: op.call, reverse=True)
            latest = list(dict.fromkeys(identity(op.input) for op in puts))[:OTHERS_MAX]
            own = set(self.model.values([late]))
            sets = [own, *({*own, other} for other in latest)]
        for values in sets:
            yield [
                op
                for op in ops
                if op is late
                or (op.pending and op.f == self.model.take)
                or not values.isdisjoint(self.model.values([op]))
            ]

    def _refuted(self, ops: Sequence[Operation]) -> bool:
        if self.left <= 0 or not ops:
            return False
        budget = replace(self.budget, steps=min(STEPS_EACH, self.left), memory_mb=None)
        decision = search(History.of(ops), self.model, budget)
        self.left -= decision.steps + len(ops) // AS_ONE
        return decision.outcome == "invalid"

    def _refuted_alone(self, kept: Sequence[Operation]) -> bool:
        """Whether these have no order, and the others may go."""
        if self.left <= 0:
            return False
        staying = {op.index for op in kept}
        gone = [op for op in self.ops.values() if op.index not in staying]
        return self.model.may_leave_out(gone, kept) and self._refuted(kept)

    def _without_beginning(self, ops: list[Operation]) -> list[Operation]:
        """The end that is left by the longest beginning that is not needed."""
        ends = _ends(ops, self.model)
        low, high = 0, len(ends)
        while low < high:
            middle = (low + high) // 2
            if self._refuted_alone(ends[middle]):
                ops, low = ends[middle], middle + 1
            else:
                high = middle
        return ops


def _ends(ops: list[Operation], model: Bag) -> list[list[Operation]]:
    """What is left without ever longer beginnings, as the model lets them go.

    Of what depends on operations alone (Counted): takes that all ended before any other began, with an insert for
    each. Of a stack: all that ended before the rest began.
    """
    counted = isinstance(model, Counted)
    puts: dict[Hashable, list[Operation]] = {}
    for op in sorted((op for op in ops if op.f == model.put), key=lambda op: op.ret, reverse=True):
        puts.setdefault(identity(op.input), []).append(op)
    ordered = sorted((op for op in ops if not counted or op.f != model.put), key=lambda op: op.call)
    gone: set[int] = set()
    ended, ends = BEGINNING, list[set[int]]()
    for op in ordered:
        if gone and ended < op.call:
            ends.append(set(gone))
        gone.add(op.index)
        ended = max(ended, op.ret)
        if counted and op.f == model.take and op.output is not None:
            of = puts.get(identity(op.output))
            if not of:
                break
            gone.add(of[-1].index)
            ended = max(ended, of.pop().ret)
    return [[op for op in ops if op.index not in some] for some in ends]
