"""All that a page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checker.formats import Recording
from checker.history import History
from naysayer.page.faults import FaultRow, fault_rows, recorded_faults
from naysayer.plan import Plan
from naysayer.report.report import Report
from targets.backends.stdio.messages import MESSAGES
from targets.protocol.fault import Evidence, Fault


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is empty or None is not known, and the page says so."""

    report: Report
    history: History
    faults: Sequence[FaultRow] = ()
    injected: Sequence[tuple[FaultRow, Fault]] = ()
    """The same faults, with what was injected, where that is known."""
    clients: int | None = None
    """How many clients there were, where they go on under new numbers after an unknown outcome."""
    kept: Path | None = None
    """The messages of a real run, where they were kept."""
    lacking: str = "No messages and no node states: this is a history alone."
    """Why there are no messages and states of nodes, if there are none."""


def source_of_run(
    report: Report,
    history: History,
    plan: Plan,
    nemesis: Sequence[tuple[float, Fault]],
    evidence: Sequence[Evidence],
    folder: Path | None = None,
) -> Source:
    """The source of a run of ours, whatever ran it; `folder` has the messages of a real one, if they were kept."""
    rows = fault_rows(nemesis, evidence)
    faults = [fault for _, fault in nemesis if not fault.only_ends]
    paired = list(zip(rows, faults, strict=True))
    return Source(
        report=report,
        history=history,
        faults=rows,
        injected=paired,
        clients=plan.clients,
        kept=None if folder is None else folder / MESSAGES,
        lacking=_lacking(plan),
    )


def _lacking(plan: Plan) -> str:
    if plan.backend == "simulator":
        return "No messages and no node states: naysayer report adds them to the page of a run without a violation."
    return "No messages and no node states: they are known of simulated runs, messages also of --bin."


def source_of_recording(report: Report, recording: Recording) -> Source:
    """The source of a history that was read from a file."""
    return Source(report=report, history=recording.history, faults=recorded_faults(recording.faults))
