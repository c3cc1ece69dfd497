"""What every reader hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from checker.history import Column, History

TIME_MAX = 1 << 62
"""Times stay within +-2^62 ns (146 years), so that no difference of two overflows and none looks like PENDING."""

Clock = Literal["ns", "order"]


@dataclass(frozen=True)
class Span:
    """A fault that the record shows, on the history's clock; `end` None: it lasted to the end of the record."""

    label: str
    begin: int
    end: int | None


@dataclass(frozen=True)
class Loaded:
    """A history as a reader found it. `lines` has, row by row, the line of the operation's call. `clock` says whether
    times are nanoseconds or numbers of events (where the format has none)."""

    history: History
    lines: Column
    clock: Clock = "ns"
    faults: tuple[Span, ...] = ()
    one_value: bool = False
    """Events have one :value, as Jepsen's: input and output are still the values of the invocation and completion."""
