"""What every reader hands back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from checker.history import Column, History

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


def rename(column: Sequence[Any], names: Mapping[str, str]) -> Sequence[Any]:
    """The column with the operations called by their own names (get -> read)."""
    if names.keys().isdisjoint(column):
        return column
    return [names.get(name, name) for name in column]
