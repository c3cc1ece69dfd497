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
"""Messages are included up to so long after the end of the operations that show the violation."""

Rerun = Callable[..., Run]
"""Runs it again with `trace` or `until_ms` of a Probe."""


def with_nodes(plan: Plan, report: Report, rerun: Rerun | None = None, *, always: bool = False) -> Report:
    """The report of a run, with what each node held at the violation, and how the operations of its proof were served.

    That is when the operation began that shows the violation, or when an invariant was found broken. A run that failed
    otherwise (not live, a node died) is traced as a whole, and if `always` one without a violation too. `rerun` runs it
    again; unless given, from the plan.
    """
    part = report.verdict.worst
    again = partial(_rerun, plan) if rerun is None else rerun
    if part is not None and part.method == "invariant" and report.violated_ms is not None:
        traced = again(trace=True, until_ms=report.violated_ms + ROUNDING_MS)
        return replace(report, views=traced.views, traced=traced)
    culprit = _culprit(part)
    if part is None or culprit is None:
        failed = report.verdict.outcome == "invalid"
        return replace(report, traced=again(trace=True)) if always or failed else report
    traced = again(trace=True, until_ms=_last_ns(part, culprit) / MS + LATER_MS)
    views = views_at(traced, culprit.call)
    return replace(report, views=views, served=tuple(accounts(operations_of(part), traced)), traced=traced)


def views_at(traced: Run, time_ns: int) -> dict[str, dict[str, Any]]:
    """What each node that was up showed at a time, by the steps of a traced run."""
    names = {*traced.views, *(node for _, node in traced.record.stopped)}
    found: dict[str, tuple[int, dict[str, Any]]] = dict.fromkeys(names, (0, {}))
    for step in traced.record.steps:
        if step.time_ns <= time_ns:
            found[step.node] = (step.time_ns, step.after)
    down = {node for stopped_ns, node in traced.record.stopped if found[node][0] <= stopped_ns <= time_ns}
    return {node: view for node, (_, view) in sorted(found.items()) if node not in down}


def _rerun(plan: Plan, **options: Any) -> Run:
    return Simulation(plan, Recorder(), probe=Probe(**options)).run()


def _culprit(part: Part | None) -> Operation | None:
    if part is None or part.explanation is None:
        return None
    return next((op for op in part.counterexample if op.index == part.explanation.culprit), None)


def _last_ns(part: Part, culprit: Operation) -> int:
    """The last event of the operations of a proof that is known."""
    return max(culprit.call, *(op.ret for op in operations_of(part) if op.ret != PENDING), culprit.call)
