"""What every reader hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
