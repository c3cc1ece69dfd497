"""An element of a set that several operations add: its own history, judged by the search, whose states are two.

Its add and remove write one of two values, so values are not unique, and which of them changed anything is not known.
The search is quick while few operations are live at a time. What it refutes is made small: the proof begins at an add
or remove after which nothing before it matters (SetModel.may_leave_out, `a new beginning`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from msgspec import structs

from checker.budget import Budget
from checker.explain_search import explain_search
from checker.history import PENDING, History, Operation
from checker.models.containers import SetModel
from checker.search import decide as search
from checker.shrink import shrink
from checker.verdict import Decision

METHOD = "elements"
MODEL = SetModel()
STEPS, STEPS_EACH = 20_000, 20
"""Of the search of one element, at most: so many, and so many more for each of its operations."""


def judge(ops: Sequence[Operation], budget: Budget) -> Decision:
    """Judges the operations of one element (add, remove, contains), in rows of what is given."""
    steps = STEPS + STEPS_EACH * len(ops)
    budget = replace(budget, steps=steps if budget.steps is None else min(steps, budget.steps))
    decision = search(History.of(ops), MODEL, budget)
    if decision.outcome != "invalid":
        return decision
    rows = _small(ops, decision, budget)
    explanation = explain_search([ops[row] for row in rows], MODEL, budget)
    return Decision("invalid", METHOD, None, rows, explanation, decision.steps)


def _small(ops: Sequence[Operation], decision: Decision, budget: Budget) -> tuple[int, ...]:
    """Rows of a small part of a counterexample that has no order either."""
    whole = decision.counterexample
    instant = max(ops[row].call for row in whole)
    cut = [op if op.ret <= instant else structs.replace(op, ret=PENDING) for op in (ops[row] for row in whole)]
    for begins in _beginnings(cut):
        chosen = [at for at, op in enumerate(cut) if op.ret >= begins]
        kept = [cut[at] for at in chosen]
        again = search(History.of(kept), MODEL, budget)
        if again.outcome == "invalid":
            few, _ = shrink(History.of(kept), again, MODEL, budget)
            rows = [chosen[at] for at in few]
            dropped = [op for at, op in enumerate(cut) if at not in set(rows)]
            rows = rows if MODEL.may_leave_out(dropped, [cut[at] for at in rows]) else chosen
            return tuple(whole[at] for at in rows)
    return shrink(History.of(ops), decision, MODEL, budget)[0]


def _beginnings(ops: Sequence[Operation]) -> list[int]:
    """Calls of adds and removes during which no operation requires the contrary, the latest first, in ever greater
    steps."""
    call, ret = (np.array([getattr(op, name) for op in ops], dtype=np.int64) for name in ("call", "ret"))
    there = np.array([op.f == "add" or (op.f == "contains" and bool(op.output)) for op in ops], dtype=np.bool_)
    changes = np.array([op.f != "contains" and not op.pending for op in ops], dtype=np.bool_)
    sure = np.array([not op.pending for op in ops], dtype=np.bool_)
    begins: list[int] = []
    for state in (True, False):
        other = sure & (there != state)
        called, returned = np.sort(call[other]), np.sort(ret[other])
        begun = np.searchsorted(called, ret, side="right")
        alone = begun == np.searchsorted(returned, call, side="left")
        begins += call[changes & (there == state) & alone & (ret != PENDING)].tolist()
    begins.sort(reverse=True)
    return [begins[(1 << step) - 1] for step in range(len(begins).bit_length()) if (1 << step) <= len(begins)]
