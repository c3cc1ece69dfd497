"""The report as a value: everything that is shown of a verdict, on a terminal, in report.txt or in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checker.verdict import Verdict
from naysayer.fault_spans import FaultSpan
from naysayer.seen import Seen

if TYPE_CHECKING:
    from naysayer.serving import Account
    from naysayer.simulate import Run

EXIT = {"valid": 0, "invalid": 1, "unknown": 2}
ERROR = 3


@dataclass(frozen=True)
class Report:
    """`title`: what was judged. `facts`: labels and texts of the rows under the sentence; `ends`: of those at the end,
    which say what to run next."""

    verdict: Verdict
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    ends: tuple[tuple[str, str], ...] = ()
    seen: Seen | None = None
    """How many operations succeeded, by kind, node and fault."""
    spans: tuple[FaultSpan, ...] = ()
    views: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each node held at the violation."""
    violated_ms: float | None = None
    """When an invariant was found broken."""
    served: tuple[Account, ...] = ()
    """How operations of the proof were served, where that is known."""
    traced: Run | None = None
    """The run once more with its messages and the states of its nodes, up to what shows the violation."""
    mechanism: tuple[str, ...] = ()
    """How it came about, in sentences: observed, and what it needed, where that was tried."""
    ordered_only: bool = False
    """The history has no times, only an order of events."""
    unproven: tuple[str, ...] = ()
    """Faults that had no observable effect."""
    trouble: str | None = None
    """What ended the run early; the verdict is on what was recorded until then."""

    @property
    def exit_code(self) -> int:
        """Of the command that makes this report: a violation counts even if the run was aborted, nothing else does."""
        aborted = self.trouble is not None and self.verdict.outcome != "invalid"
        return ERROR if aborted else EXIT[self.verdict.outcome]
