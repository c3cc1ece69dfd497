"""Makes the story of a simulated run: its facts, its faults, and what the nodes held and said when it went wrong.

A run is deterministic, so what was not recorded is looked up by running it again up to the moment of interest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from checker.history import PENDING, Operation
from checker.verdict import Part, Verdict
from naysayer.harness.clients import ROUNDING_MS
from naysayer.injected import Injected, injected
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.report.story import FaultSpan, Story
from naysayer.report.terminal import operations_of
from naysayer.results import HISTORY
from naysayer.seen import Seen, seen
from naysayer.serving import accounts
from naysayer.simulate import Run, Simulation
from targets.protocol.fault import Fault

MS = 1_000_000

LATER_MS = 100.0
"""How long after the end of the operation that gives a violation away its messages are still looked at."""


def tell(
    plan: Plan,
    run: Run,
    verdict: Verdict,
    folder: Path | None,
    *,
    replay: Path | None = None,
    original: str | None = None,
) -> Story:
    """The story of a run that left its files in `folder` (None: nowhere).

    `replay`: what to run again, the folder unless given. `original`: how the run failed before it was minimised, if
    it failed otherwise. What the nodes held is told by `with_nodes`.
    """
    size = f"{plan.nodes} nodes" if plan.nodes > 1 else "1 node"
    clients = f"{plan.clients} clients" if plan.clients > 1 else "1 client"
    facts = [
        ("target", f"{plan.target}  {size}  seed {plan.seed}"),
        ("workload", f"{plan.workload}  {clients}, {run.recorder.invocations} operations"),
        ("faults", _faults(plan, run)),
    ]
    if original is not None:
        facts.append(("kind", original))
    if run.interrupted:
        facts.append(("stopped", "before its end, by you; what was recorded is judged"))
    ends = [] if replay is None and folder is None else [("replay", f"naysayer replay {replay or folder}")]
    if folder is not None:
        ends.append(("history", str(folder / HISTORY)))
    if verdict.interrupted and folder is not None:
        ends.append(("judge", f"naysayer check {folder / HISTORY} --model {verdict.model}"))
    return Story(
        verdict,
        plan.target,
        facts=tuple(facts),
        seen=seen_in(run.recorder, verdict.model),
        ends=tuple(ends),
        spans=tuple(fault_spans(run.recorder.nemesis)),
        unproven=without_effect(injected(run.recorder.nemesis, run.evidence)),
        trouble=run.error,
        violated_ms=run.violated_ms,
    )


def seen_in(recorder: Recorder, model: str) -> Seen:
    """How much a run showed."""
    return seen(recorder.history(), model, fault_spans(recorder.nemesis), last_round=recorder.last_round)


def with_nodes(plan: Plan, story: Story, rerun: Callable[..., Run] | None = None) -> Story:
    """The story of a run, with what each node held at the violation, and how the operations of its proof were served.

    That is when the operation began that gives it away, or when an invariant was found broken.
    `rerun` runs it again with some of the options `trace` and `until_ms` of a Simulation; unless given, from the plan.
    """
    part = story.verdict.worst
    again = partial(_rerun, plan) if rerun is None else rerun
    if part is not None and part.method == "invariant" and story.violated_ms is not None:
        return replace(story, views=again(until_ms=story.violated_ms + ROUNDING_MS).views)
    culprit = _culprit(part)
    if part is None or culprit is None or culprit.ret == PENDING:
        return story
    views = again(until_ms=culprit.call / MS).views
    traced = again(trace=True, until_ms=culprit.ret / MS + LATER_MS)
    return replace(story, views=views, served=tuple(accounts(operations_of(part), traced)))


def _rerun(plan: Plan, **options: Any) -> Run:
    return Simulation(plan, Recorder(), **options).run()


def _culprit(part: Part | None) -> Operation | None:
    if part is None or part.explanation is None:
        return None
    return next((op for op in part.counterexample if op.index == part.explanation.culprit), None)


def _faults(plan: Plan, run: Run) -> str:
    if not plan.nemesis:
        return "none asked for"
    counted = injected(run.recorder.nemesis, run.evidence)
    return f"{', '.join(plan.nemesis)} · {effects(counted)} · {run.storm_ms / 1000:.2f} s of virtual time"


def effects(counted: Injected) -> str:
    """How many faults were injected and took effect."""
    if counted.took_effect == counted.count:
        return f"{counted.count} injected, all took effect"
    return f"{counted.count} injected, {counted.took_effect} took effect"


def without_effect(counted: Injected) -> tuple[str, ...]:
    """What is to be said of the faults that did not show."""
    count = counted.count - counted.took_effect
    if not count:
        return ()
    example = "".join(f" ({one.fault.label()}: {one.detail})" for one in counted.without[:1])
    return (f"{count} of {counted.count} faults had no observable effect and are not counted as coverage{example}",)


def fault_spans(events: Sequence[tuple[float, Fault]]) -> list[FaultSpan]:
    """Each fault that lasts (with its time, ms) with the time at which later events had ended it wholly."""
    return [
        FaultSpan(fault.label(), at_ms, _end_ms(fault, events[number + 1 :]))
        for number, (at_ms, fault) in enumerate(events)
        if fault.begins() and not fault.momentary
    ]


def _end_ms(fault: Fault, later: Sequence[tuple[float, Fault]]) -> float | None:
    left = fault.begins()
    for at_ms, event in later:
        left -= event.ends()
        if not left:
            return at_ms
    return None
