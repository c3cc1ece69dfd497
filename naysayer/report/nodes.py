"""Adds to the report of a simulated run what the nodes held and sent when it went wrong.

A run is deterministic, so what was not recorded is found by running it again up to the time of interest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from checker.history import PENDING, Operation
from checker.verdict import Part
from naysayer.harness.clients import ROUNDING_MS
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.report.report import Report
from naysayer.report.terminal import operations_of
from naysayer.serving import accounts
from naysayer.simulate import Probe, Run, Simulation

MS = 1_000_000

LATER_MS = 100.0
"""Messages are included up to so long after the end of the operation that shows the violation."""


def with_nodes(plan: Plan, report: Report, rerun: Callable[..., Run] | None = None) -> Report:
    """The report of a run, with what each node held at the violation, and how the operations of its proof were served.

    That is when the operation began that shows the violation, or when an invariant was found broken.
    `rerun` runs it again with `trace` or `until_ms` of a Probe; unless given, from the plan.
    """
    part = report.verdict.worst
    again = partial(_rerun, plan) if rerun is None else rerun
    if part is not None and part.method == "invariant" and report.violated_ms is not None:
        return replace(report, views=again(until_ms=report.violated_ms + ROUNDING_MS).views)
    culprit = _culprit(part)
    if part is None or culprit is None or culprit.ret == PENDING:
        return report
    views = again(until_ms=culprit.call / MS).views
    traced = again(trace=True, until_ms=culprit.ret / MS + LATER_MS)
    return replace(report, views=views, served=tuple(accounts(operations_of(part), traced)))


def _rerun(plan: Plan, **options: Any) -> Run:
    return Simulation(plan, Recorder(), probe=Probe(**options)).run()


def _culprit(part: Part | None) -> Operation | None:
    if part is None or part.explanation is None:
        return None
    return next((op for op in part.counterexample if op.index == part.explanation.culprit), None)
