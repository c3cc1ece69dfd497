"""All that a page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.formats import Recording
from checker.history import History
from naysayer.page.faults import FaultRow, fault_rows, recorded_faults
from naysayer.plan import Plan
from naysayer.report.report import Report
from targets.protocol.fault import Evidence, Fault


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is empty or None is not known, and the page says so."""

    report: Report
    history: History
    faults: Sequence[FaultRow] = ()
    clients: int | None = None
    """How many clients there were, where they go on under new numbers after an unknown outcome."""


def source_of_run(
    report: Report,
    history: History,
    plan: Plan,
    nemesis: Sequence[tuple[float, Fault]],
    evidence: Sequence[Evidence],
) -> Source:
    """The source of a run of ours, whatever ran it."""
    return Source(report=report, history=history, faults=fault_rows(nemesis, evidence), clients=plan.clients)


def source_of_recording(report: Report, recording: Recording) -> Source:
    """The source of a history that was read from a file."""
    return Source(report=report, history=recording.history, faults=recorded_faults(recording.faults))
