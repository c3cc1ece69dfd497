"""Which values a priority queue can put in order: all numbers, all strings, or lists of one form of these."""

from __future__ import annotations

from typing import Any

import numpy as np

from checker.history import FAIL, History
from checker.values import Map, Set, Token, shown


def incomparable(history: History) -> tuple[int, int] | None:
    """The row of an insert whose value has no place among the others, and the row of the first insert; None if all
    have. Failed inserts do not count: they never happened."""
    inserts = np.flatnonzero((history.f == history.tables.f.code("insert")) & (history.status != FAIL))
    if not len(inserts):
        return None
    values = history.tables.value.values
    codes, firsts = np.unique(history.input[inserts], return_index=True)
    wanted = _form(values[history.input[inserts[0]]])
    wrong = [at for code, at in zip(codes.tolist(), firsts.tolist(), strict=True) if _form(values[code]) != wanted]
    if wanted is None:
        wrong = [0]
    return (int(inserts[min(wrong)]), int(inserts[0])) if wrong else None


def why_incomparable(history: History, rows: tuple[int, int]) -> str:
    """The sentence for a incomparable."""
    wrong, first = history[rows[0]], history[rows[1]]
    beside = "" if rows[0] == rows[1] else f" beside {shown(first.input)} (#{first.index})"
    return (
        f"insert of {shown(wrong.input)}{beside}: priorities must be comparable, all numbers, all strings, or lists of "
        "one form of these"
    )


def _form(value: Any) -> Any:
    """Equal for values that can be compared with each other; None for what has no order."""
    if value is None or isinstance(value, Set | Map | Token) or value != value:
        return None
    if type(value) in (int, float):
        return "number"
    if isinstance(value, tuple):
        forms = tuple(_form(item) for item in value)
        return None if None in forms else forms
    return type(value)
