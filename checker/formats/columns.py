"""What every reader hands back, and how lists of decoded values become columns of codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from checker.history import Column, History, Table

TIME_MAX = 1 << 62
"""Times stay within +-2^62 ns (146 years), so that no difference of two overflows and none looks like PENDING."""

Clock = Literal["ns", "order"]


@dataclass(frozen=True)
class Loaded:
    """A history as a reader found it. `lines` has, row by row, the line of the operation's call. `clock` says whether
    times are nanoseconds or numbers of events (where the format has none)."""

    history: History
    lines: Column
    clock: Clock = "ns"


_SCALARS = frozenset({int, str, float, bool, type(None)})


def encode(table: Table, column: Sequence[Any], rename: Mapping[str, str] | None = None) -> Column:
    """The codes of a column's values. Each distinct value is looked up once where Python's equality allows it."""
    kinds = set(map(type, column))
    if kinds <= _SCALARS and not (bool in kinds and (int in kinds or float in kinds)):  # True == 1 must not meet
        distinct = dict.fromkeys(column)
        if rename:
            known = {value: table.code(rename.get(value, value)) for value in distinct}
        else:
            known = {value: table.code(value) for value in distinct}
        return np.fromiter(map(known.__getitem__, column), np.int64, len(column))
    return np.fromiter(map(table.code, column), np.int64, len(column))
