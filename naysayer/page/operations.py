"""The history in columns, and the texts of its values, keys, names and errors.

Times are ticks since the first event: of 1 us, or of 1 ns where the whole record is shorter than a second, or of one
event where the record has no times. Whole numbers among the values are a column; every other value is a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from checker.history import FAIL, INFO, PENDING, History, Table
from naysayer.notation import call_text, value_text
from naysayer.page.columns import EXACT_MAX, Numbers
from naysayer.printable import printable

SECOND = 1_000_000_000

TEXT_CHARS_MAX = 2_000_000
"""The texts of values together; what is beyond is left out, and the page says so."""

LONG_MAX = 12_000
"""A long value is shown whole where a reader asks for it, up to so many characters."""

CALLS_MAX = 60_000
"""Operations whose call is a text of its own (cas, transactions) are put into words up to this number."""

WITHOUT_ANSWER = ("acquire", "release", "delete")
"""Operations without input of which no answer is shown, as in notation.py."""

LEFT_OUT = "…"


@dataclass(frozen=True)
class Clock:
    """How times of the history (ns) become ticks of the page."""

    origin: int
    unit: int
    end: int
    """In ticks: the last event."""
    ordered_only: bool = False

    def ticks(self, time_ns: float) -> int:
        """The tick of a time; what is long after the end is there."""
        return int((time_ns - self.origin) // self.unit)

    def time(self, tick: int) -> int:
        """The time of a tick (ns)."""
        return self.origin + tick * self.unit


def clock_of(
    history: History, last_ns: int | None = None, *, ordered_only: bool = False, from_zero: bool = False
) -> Clock:
    """The clock of a history. It begins at zero where the history does so within its own length, or if `from_zero`."""
    if not len(history):
        return Clock(0, 1000, max(0, last_ns or 0) // 1000, ordered_only)
    known = history.ret[history.status != INFO]
    first = int(history.call.min())
    last = max(int(history.call.max()), int(known.max()) if len(known) else first, last_ns or first)
    origin = 0 if from_zero or 0 <= first <= last - first else first
    unit = 1 if ordered_only or last - origin < SECOND else 1000
    return Clock(origin, unit, (last - origin) // unit, ordered_only)


@dataclass
class Texts:
    """The texts of the values of one table by code; whole numbers are kept apart, `long` has what a text leaves out."""

    numbers: Numbers
    texts: dict[int, str]
    long: dict[int, str]
    cut: int = 0
    """How many are left out."""


def texts_of(table: Table) -> Texts:
    """The values of a table in words."""
    numbers = np.zeros(len(table), dtype=np.int64)
    found = Texts(numbers, {}, {})
    used = 0
    for code, value in enumerate(table.values):
        if type(value) is int and -EXACT_MAX < value < EXACT_MAX:
            numbers[code] = value
            continue
        if used > TEXT_CHARS_MAX:
            found.texts[code] = LEFT_OUT
            found.cut += 1
            continue
        found.texts[code] = text = value_text(value)
        used += len(text)
        if LEFT_OUT in text:
            whole = value_text(value, LONG_MAX)
            if len(whole) > len(text) and used + len(whole) <= TEXT_CHARS_MAX:
                found.long[code] = whole
                used += len(whole)
    return found


def names_of(table: Table) -> list[str]:
    """The texts of names (operations, processes, nodes, errors), by code."""
    return ["" if value is None else printable(str(value)) for value in table.values]


def columns_of(history: History, clock: Clock) -> dict[str, Numbers]:
    """The columns of the operations. `dur` is -1 for an operation whose end was never seen."""
    columns = {
        "call": (history.call - clock.origin) // clock.unit,
        "dur": np.full(len(history), -1, dtype=np.int64),
        "status": history.status,
        "f": history.f,
        "process": history.process,
        "key": history.key,
        "input": history.input,
        "output": history.output,
        "node": history.node,
        "error": history.error,
    }
    ended = (history.status != INFO) & (history.ret != PENDING)
    columns["dur"][ended] = (history.ret[ended] - clock.origin) // clock.unit - columns["call"][ended]
    if not np.array_equal(history.index, np.arange(len(history))):
        columns["index"] = history.index
    return columns


def calls_of(history: History) -> tuple[list[str], Numbers | None, int]:
    """The texts of operations that are more than a name, an input and an output; for each row 1 + its text, or 0; and
    how many were left out."""
    names = history.tables.f.values
    special = [code for code, name in enumerate(names) if name in ("cas", "txn")]
    rows = np.flatnonzero(np.isin(history.f, special)) if special else np.zeros(0, dtype=np.int64)
    if not len(rows):
        return [], None, 0
    column = np.zeros(len(history), dtype=np.int64)
    texts: dict[tuple[Any, ...], int] = {}
    for row in rows[:CALLS_MAX].tolist():
        same = (history.f[row], history.input[row], history.output[row], history.status[row])
        if same not in texts:
            texts[same] = len(texts) + 1
        column[row] = texts[same]
    shown = {number: row for row, number in zip(rows.tolist(), column[rows].tolist(), strict=True) if number}
    return [call_text(history[shown[number]]) for number in range(1, len(texts) + 1)], column, len(rows) - CALLS_MAX


def answers_of(history: History) -> list[bool]:
    """By code of an operation's name: whether an answer of nothing is shown where it has no input."""
    return [name not in WITHOUT_ANSWER for name in history.tables.f.values]


def failed(history: History) -> int:
    """How many operations certainly did not happen."""
    return int((history.status == FAIL).sum())
