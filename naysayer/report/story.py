"""What there is to tell of a verdict, whatever it was about: a file that was read, or a run of our own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checker.verdict import Verdict

if TYPE_CHECKING:
    from naysayer.seen import Seen


@dataclass(frozen=True)
class FaultSpan:
    """A fault in force, for the time axis; `to_ms` None if it lasted to the end."""

    label: str
    from_ms: float
    to_ms: float | None


@dataclass(frozen=True)
class Account:
    """How a node served an operation: what it held, whom it asked, what came back, and what it answered."""

    index: int
    node: str
    account: str


@dataclass(frozen=True)
class Story:
    """`facts` are label and text of the rows under the sentence; `ends` those at the end (what to run next)."""

    verdict: Verdict
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    ends: tuple[tuple[str, str], ...] = ()
    seen: Seen | None = None
    """How many operations succeeded, by kind, node and fault."""
    spans: tuple[FaultSpan, ...] = ()
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each node held when the operation that gives it away began."""
    violated_ms: float | None = None
    """When an invariant was found broken."""
    served: tuple[Account, ...] = ()
    """How operations of the proof were served, where that is known."""
    ordered_only: bool = False
    """The history has no times, only an order of events."""
    unproven: tuple[str, ...] = ()
    """Faults that had no observable effect."""
    trouble: str | None = None
    """What broke the run off; the verdict is on what was recorded until then."""
