"""What the page shows of a proof: the operations that matter, their values in order of age, the cycle, the order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from checker.history import PENDING, History, Operation
from checker.verdict import Part, Verdict
from naysayer.notation import call_text, value_text
from naysayer.page.operations import Clock
from naysayer.page.order import order_of
from naysayer.report.report import Report
from naysayer.report.terminal import operations_of

NAMED = re.compile(r"#(\d+)\b")

SHOWN_MAX = 60
"""Operations of a proof that the page lists; the rest is in verdict.json."""


def shown_part(verdict: Verdict) -> Part | None:
    """The part that the page is about: the worst, or of a valid verdict the largest."""
    return verdict.worst or max(verdict.parts, key=lambda part: part.operations, default=None)


def proof_of(report: Report, history: History, clock: Clock) -> dict[str, Any] | None:
    """The header's `proof`; None where there are no operations at all. Operations are named by their rows."""
    part = shown_part(report.verdict)
    if part is None or not len(history):
        return None
    rows = Rows(history)
    ops = _with_named(part, operations_of(part)[:SHOWN_MAX], history, rows)
    order = order_of(part, history, report.verdict.model)
    explanation = part.explanation
    built: dict[str, Any] = {
        "key": None if part.key is None else history.tables.key.find(part.key),
        "whole": part.key is None,
        "ops": rows.of(op.index for op in ops),
        "cut": max(0, len(operations_of(part)) - SHOWN_MAX),
        "values": [value_text(value) for value in _ages(ops)],
        "window": _window(ops, clock),
        "text": {row: call_text(op) for op in ops if (row := rows.row(op.index)) is not None},
    }
    if explanation is not None:
        built["culprit"] = None if explanation.culprit is None else rows.row(explanation.culprit)
        built["notes"] = rows.keyed(explanation.notes)
        pairs = [(rows.row(edge.before), rows.row(edge.after), edge.why) for edge in explanation.cycle]
        built["cycle"] = [pair for pair in pairs if pair[0] is not None and pair[1] is not None]
    if order is not None:
        built["order"] = {
            "steps": [[rows.row(step.index), step.before, step.after] for step in order.steps],
            "stuck": [[rows.row(one.index), one.why] for one in order.stuck],
            "cut": order.cut,
        }
    return built


def _with_named(part: Part, ops: list[Operation], history: History, rows: Rows) -> list[Operation]:
    """The operations of a proof, and those that its sentence names besides."""
    said = "" if part.explanation is None else part.explanation.sentence
    known = {op.index for op in ops}
    named = dict.fromkeys(int(number) for number in NAMED.findall(said) if int(number) not in known)
    found = [history[row] for row in rows.of(named)]
    return sorted([*ops, *found], key=lambda op: (op.call, op.index))


class Rows:
    """From the numbers of operations to rows of the history."""

    def __init__(self, history: History) -> None:
        self._index = history.index
        self._sorted = np.argsort(history.index, kind="stable")

    def row(self, index: int) -> int | None:
        """The row of an operation; None if the history does not have it."""
        place = int(np.searchsorted(self._index, index, sorter=self._sorted))
        if place == len(self._index) or int(self._index[self._sorted[place]]) != index:
            return None
        return int(self._sorted[place])

    def of(self, indices: Any) -> list[int]:
        """The rows of operations, without those that the history does not have."""
        return [row for row in map(self.row, indices) if row is not None]

    def keyed(self, notes: Mapping[int, Any]) -> dict[int, Any]:
        """What is noted on operations, by row."""
        return {row: note for index, note in notes.items() if (row := self.row(index)) is not None}


def _ages(ops: Sequence[Operation]) -> list[Any]:
    """The values of the operations of a proof in the order in which they were written, as far as that is known."""
    written = [left for op in ops if op.f != "read" and (left := _leaves(op)) is not None]
    found = [op.output for op in ops if op.f == "read" and op.status == "ok" and op.output is not None]
    ages: dict[str, Any] = {}
    for value in [*found, *written] if not written else [*(v for v in found if v not in written), *written]:
        ages.setdefault(value_text(value), value)
    return list(ages.values())


def _leaves(op: Operation) -> Any:
    """What an operation leaves, if it is written over what was there."""
    if op.f == "cas":
        return op.input[1] if isinstance(op.input, tuple) and len(op.input) == 2 else None
    return op.input if op.f == "write" else None


def _window(ops: Sequence[Operation], clock: Clock) -> list[int] | None:
    """From the first call to the last return of the operations (to the last call where they are pending), in ticks."""
    if not ops:
        return None
    ends = [op.ret for op in ops if op.ret != PENDING]
    return [clock.ticks(min(op.call for op in ops)), clock.ticks(max([*ends, *(op.call for op in ops)]))]
