"""All that a page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from checker.errors import UsageError
from checker.formats import Recording
from checker.history import History
from naysayer.kept import Read, reader_of
from naysayer.page.faults import FaultRow, fault_rows, recorded_faults
from naysayer.plan import ON_PROCESSES, Plan
from naysayer.report.report import Report
from naysayer.report.terminal import operations_of
from targets.backends.processes.messages import MESSAGES
from targets.protocol.fault import Evidence, Fault
from targets.registry import find as find_target

OPERATIONS_MAX = 1_500_000
"""Of a longer history the page holds so many operations, around those that matter."""


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
    read: Read | None = None
    """Makes messages of their bodies, of a target of ours."""
    wrong_ms: float | None = None
    """When it went wrong, where no operation shows that: an invariant was broken, a node died, or it was not live."""
    lacking: str = "No messages and no node states: this is a history alone."
    """Why there are no messages and states of nodes, if there are none."""


def bounded(source: Source, most: int = OPERATIONS_MAX) -> tuple[Source, int]:
    """The source with the operations that fit into a page, and how many do not: a stretch of the history around the
    operations that matter, and those."""
    history, part = source.history, source.report.verdict.worst
    if len(history) <= most:
        return source, 0
    matter = [] if part is None else [op.index for op in operations_of(part)]
    rows = np.flatnonzero(np.isin(history.index, matter))
    middle = int(rows[-1]) if len(rows) else 0
    first = max(0, min(middle - most // 2, len(history) - most))
    kept = np.union1d(rows, np.arange(first, first + most - len(rows)))
    return replace(source, history=history.select(kept)), len(history) - len(kept)


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
        read=reader_of_plan(plan),
        wrong_ms=wrong_ms(report),
        lacking=_lacking(plan),
    )


def wrong_ms(report: Report) -> float | None:
    """When it went wrong, as far as the traced run shows."""
    if report.verdict.outcome != "invalid" or report.violated_ms is not None:
        return report.violated_ms
    findings = [] if report.traced is None else report.traced.findings
    return findings[0].at_ms if findings else None


def reader_of_plan(plan: Plan) -> Read | None:
    """What makes messages of those that a run of this plan has kept; None where they are not a target's of ours."""
    if plan.backend != ON_PROCESSES:
        return None
    try:
        return reader_of(find_target(plan.target).messages)
    except UsageError:
        return None  # a target of a file that is there no more


def _lacking(plan: Plan) -> str:
    if plan.backend == "simulator":
        return "No messages and no node states: naysayer report adds them to the page of a run without a violation."
    return "No messages and no node states: they are known of simulated runs, messages also of --live and --bin."


def source_of_recording(report: Report, recording: Recording) -> Source:
    """The source of a history that was read from a file."""
    return Source(report=report, history=recording.history, faults=recorded_faults(recording.faults))
