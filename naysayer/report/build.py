"""Builds the report: of a run, whatever ran it, and of a history that was recorded elsewhere. Values in, a value out.

What the report of a run needs is in its result folder: test.toml has the plan, history.jsonl the operations and the
faults, verdict.json the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from checker.english import counted
from checker.formats import Recording
from checker.verdict import Verdict
from naysayer.fault_spans import FaultSpan, fault_spans
from naysayer.injected import Injected, injected
from naysayer.performance import Costs
from naysayer.report.report import Report
from naysayer.results import HISTORY
from naysayer.seen import Seen, seen

if TYPE_CHECKING:
    from naysayer.plan import Plan
    from naysayer.recorder import Recorder
    from targets.protocol.fault_base import Evidence, Fault


@dataclass(frozen=True, kw_only=True)
class Result:
    """A run that is over and judged. None, and what is empty, is not known of it."""

    plan: Plan
    verdict: Verdict
    seen: Seen
    nemesis: Sequence[tuple[float, Fault]]
    """What the nemesis did, with the time in ms."""
    evidence: Sequence[Evidence]
    fault_phase_ms: float | None = None
    """How long the fault phase took, in virtual time."""
    violated_ms: float | None = None
    """When an invariant was found broken."""
    costs: Costs = field(default_factory=Costs)
    availability: str | None = None
    """How many requests were answered, where that was asked for."""
    convergence: str | None = None
    """How the nodes converged in the end, where they had to."""
    remarks: Sequence[str] = ()
    """What a reader must know of the nodes."""
    interrupted: bool = False
    """A signal ended the run."""
    stopped: str | None = None
    """Where a violation ended the run, if one did."""
    trouble: str | None = None
    """What ended it otherwise before its end."""
    original: str | None = None
    """How the run failed before it was minimised, if it failed in another way."""
    reproduces: str | None = None
    """How often runs like this one failed, where a hunt has reduced it by repetition."""


def build_report(result: Result, folder: Path | None, *, replay: Path | None = None) -> Report:
    """The report of a run that left its files in `folder` (None: nowhere).

    `replay`: what runs it again, the folder unless given. What the nodes held is added by `with_nodes`.
    """
    plan, verdict = result.plan, result.verdict
    faults = injected(result.nemesis, result.evidence)
    clients, operations = counted(plan.clients, "client"), counted(result.seen.total.all, "operation")
    facts = [
        ("target", f"{plan.target}  {counted(plan.nodes, 'node')}  {_where(plan)}"),
        ("workload", f"{plan.workload}  {clients}, {operations}"),
        ("faults", _faults(result, faults)),
        *(("shown", text) for text in _by_kind(result)),
        *result.costs.facts(),
    ]
    if result.availability is not None:
        facts.append(("available", result.availability))
    if result.convergence is not None:
        facts.append(("converged", result.convergence))
    facts += [("remark", text) for text in result.remarks]
    if result.original is not None:
        facts.append(("kind", result.original))
    if result.reproduces is not None:
        facts.append(("reduced", result.reproduces))
    if result.stopped is not None:
        facts.append(("stopped", result.stopped))
    if result.interrupted:
        facts.append(("stopped", "before its end, by you; what was recorded is judged"))
    return Report(
        verdict,
        plan.target,
        facts=tuple(facts),
        seen=result.seen,
        ends=tuple(_ends(result, folder, replay)),
        spans=tuple(fault_spans(result.nemesis)),
        unproven=_without_effect(faults),
        trouble=result.trouble,
        violated_ms=result.violated_ms,
    )


def report_of_history(recording: Recording, verdict: Verdict, facts: Sequence[tuple[str, str]]) -> Report:
    """The report of a history that was read from a file. `facts`: rows on how it was read and judged."""
    spans = tuple(
        FaultSpan(fault.label, fault.begin / 1e6, None if fault.end is None else fault.end / 1e6)
        for fault in recording.faults
    )
    return Report(
        verdict,
        Path(recording.source).name,
        facts=tuple(facts),
        seen=seen(recording.history, recording.model, spans),
        spans=spans,
        ordered_only=recording.clock == "order",
    )


def seen_in(recorder: Recorder, model: str) -> Seen:
    """How much a run showed."""
    return seen(recorder.history(), model, fault_spans(recorder.nemesis), last_round=recorder.last_round)


def _where(plan: Plan) -> str:
    return f"seed {plan.seed}" if plan.backend == "simulator" else plan.backend


def _faults(result: Result, faults: Injected) -> str:
    if not result.plan.nemesis:
        return "none"
    if not faults.count:
        return f"{', '.join(result.plan.nemesis)} · none injected"
    effects = f"{faults.took_effect} took effect" if faults.took_effect < faults.count else "all took effect"
    words = [", ".join(result.plan.nemesis), f"{faults.count} injected, {effects}"]
    if result.fault_phase_ms is not None:
        words.append(f"{result.fault_phase_ms / 1000:.2f} s of virtual time")
    return " · ".join(words)


def _by_kind(result: Result) -> list[str]:
    """Of a run in real time a row for each kind of fault: how often it took effect, and what showed the last."""
    shown = [one for one in result.evidence if one.shown and result.plan.backend != "simulator"]
    last = {one.fault.tag: one for one in shown}
    injected_times = Counter(fault for _, fault in result.nemesis)
    shown_times = Counter(fault for fault, _ in {(one.fault, one.from_ms) for one in shown})
    count: Counter[str] = Counter()
    for fault, times in shown_times.items():  # a fault on several nodes has evidence for each
        count[fault.tag] += min(times, injected_times[fault]) or times
    return [f"{count[kind]} × {kind}, the last: {one.fault.label()}: {one.detail}" for kind, one in last.items()]


def _without_effect(faults: Injected) -> tuple[str, ...]:
    """A sentence on the faults that had no observable effect, if any."""
    count = faults.count - faults.took_effect
    if not count:
        return ()
    example = "".join(f" ({one.fault.label()}: {one.detail})" for one in faults.without[:1])
    return (f"{count} of {faults.count} faults had no observable effect and are not counted as coverage{example}",)


def _ends(result: Result, folder: Path | None, replay: Path | None) -> list[tuple[str, str]]:
    """What to run next, and where the history is."""
    ends = []
    simulated = result.plan.backend == "simulator"
    if simulated and (replay or folder) is not None:
        ends.append(("replay", f"naysayer replay {replay or folder}"))
    if folder is not None:
        ends.append(("history", str(folder / HISTORY)))
        if result.verdict.interrupted or not simulated:
            from workloads.registry import find as find_workload

            model = result.plan.level or find_workload(result.plan.workload).model
            ends.append(("judge", f"naysayer check {folder / HISTORY} --model {model}"))
    return ends
