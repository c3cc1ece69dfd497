"""A test in real time, for a program that speaks Maelstrom's protocol: one run, of which nothing can be repeated."""

from __future__ import annotations

from pathlib import Path

from naysayer.commands.backends import test_backend
from naysayer.grade.pack import Assignment, Trial
from naysayer.grade.trial import Outcome
from naysayer.options import RunOptions
from naysayer.plan import BINARY_NEMESIS
from naysayer.report.conclusion import Conclusion
from naysayer.report.console import FOR_PROGRAMS
from targets.backends.stdio.protocol import DIALECTS

TIME_S = 8.0
"""How long the faults of one test last."""

INSTEAD = {"cas-register": "lin-kv"}
"""Workloads that Maelstrom's programs know under another name."""

OUTCOMES = {0: "valid", 1: "invalid", 2: "unknown"}


def runs_really(one: Trial) -> bool:
    """Whether a test can be run in real time: with a workload and faults that programs of Maelstrom's are given."""
    return one.scenario is None and _workload(one) is not None and (not one.faults or bool(_faults(one)))


def graded_really(assignment: Assignment) -> tuple[Trial, ...]:
    """The tests of an assignment that can be run in real time."""
    return tuple(one for one in assignment.test if runs_really(one))


def try_really(one: Trial, binary: str, folder: Path) -> Outcome:
    """Run one test for some seconds."""
    FOR_PROGRAMS.set(True)
    options = RunOptions(
        binary=binary,
        workload=_workload(one),
        nemesis=_faults(one),
        nodes=one.nodes or 3,
        time_s=TIME_S,
        results=folder / "runs",
    )
    concluded = test_backend(options)
    total = None if concluded.report is None or concluded.report.seen is None else concluded.report.seen.total
    return Outcome(
        one.name,
        1,
        False,
        OUTCOMES.get(concluded.code, "error"),
        kind=_kind(concluded),
        sentence=_sentence(concluded),
        ok=0 if total is None else total.ok,
        operations=0 if total is None else total.all,
    )


def _workload(one: Trial) -> str | None:
    names = (INSTEAD.get(name, name) for name in one.workloads)
    return next((name for name in names if name in DIALECTS), None)


def _faults(one: Trial) -> tuple[str, ...]:
    return tuple(name for name in one.faults if name in BINARY_NEMESIS)


def _kind(concluded: Conclusion) -> str:
    worst = None if concluded.report is None else concluded.report.verdict.worst
    if worst is None or worst.explanation is None:
        return "error" if concluded.code not in OUTCOMES else ""
    return worst.explanation.kind.replace("-", " ")


def _sentence(concluded: Conclusion) -> str:
    worst = None if concluded.report is None else concluded.report.verdict.worst
    if worst is None:
        return concluded.error or ""
    return (worst.reason or "") if worst.explanation is None else worst.explanation.sentence
