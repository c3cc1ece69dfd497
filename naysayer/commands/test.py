"""`naysayer test TARGET`: one simulated run, from the plan to the report in its result folder."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from checker import Budget
from checker.verdict import Verdict
from naysayer.hunt.campaign import unlike_again
from naysayer.judge import RUN_STEPS, enough, judge, undecided, with_invariants
from naysayer.mechanism import with_mechanism
from naysayer.options import RunOptions, given
from naysayer.page.source import Source, source_of_run
from naysayer.plan import Plan, make_plan, text
from naysayer.possible import dies, is_spared
from naysayer.recorder import Recorder
from naysayer.report.build import Result, build_report, seen_in
from naysayer.report.conclusion import Conclusion, conclusion
from naysayer.report.console import console
from naysayer.report.nodes import with_nodes
from naysayer.report.report import Report
from naysayer.report.terminal import show
from naysayer.results import HISTORY, new_folder, verdict_json
from naysayer.signals import Reporting
from naysayer.simulate import Run, Simulation
from naysayer.store import Store
from targets.registry import find as find_target
from workloads.registry import find as find_workload


def test_simulated(options: RunOptions) -> Conclusion:
    """Run, judge, keep, report."""
    plan = make_plan(options)
    folder = new_folder(options.results, plan.name)
    with Store(folder, text(plan, given(options))) as store:
        run = simulate(plan, Recorder(store))
    with Reporting() as reporting:
        report = judged_report(plan, run, folder, reporting)
        return conclude(store, report, facts_json(run, report), page_source(plan, run, report))


def judged_report(plan: Plan, run: Run, folder: Path, reporting: Reporting) -> Report:
    """The report of a run, with its verdict: if a signal comes, with what is known by then."""
    model = find_workload(plan.workload).model
    judged = reporting.attempt(
        lambda: judge(run.recorder.history(), model, budget=Budget(steps=RUN_STEPS), level=plan.level)
    )
    verdict = with_invariants(run, judged or undecided(model, run.recorder.invocations))
    verdict = enough(verdict, seen_in(run.recorder, model))
    result = result_of(plan, run, verdict)
    if verdict.outcome == "invalid" and find_target(plan.target).foreign:
        unlike = reporting.attempt(lambda: unlike_again(plan))
        result = replace(result, remarks=[*result.remarks, *([] if unlike is None else [unlike])])
    report = build_report(result, folder)
    report = reporting.attempt(lambda: with_nodes(plan, report)) or report
    return reporting.attempt(lambda: with_mechanism(plan, report)) or report


def result_of(plan: Plan, run: Run, verdict: Verdict, *, original: str | None = None) -> Result:
    """A simulated run and its verdict as what reports are built from. `original`: how it failed before it was
    minimised, if it failed in another way."""
    return Result(
        plan=plan,
        verdict=verdict,
        seen=seen_in(run.recorder, verdict.model),
        nemesis=run.recorder.nemesis,
        evidence=run.evidence,
        fault_phase_ms=run.fault_phase_ms,
        violated_ms=run.violated_ms,
        interrupted=run.interrupted,
        trouble=run.error,
        original=original,
        remarks=_remarks(plan),
    )


def _remarks(plan: Plan) -> list[str]:
    """That faults were left out that would have been injected into nodes that keep files."""
    target = find_target(plan.target)
    ending = ("kill", "power", "torn")
    if (
        not plan.nemesis
        or dies(target)
        or not is_spared(target, ending[0])
        or any(is_spared(target, name) for name in plan.nemesis)
    ):
        return []
    named = ", ".join(ending)
    return [f"its nodes keep no file, so {named} are left out unless --nemesis names them: memory is lost by design"]


def page_source(plan: Plan, run: Run, report: Report) -> Source:
    """What the page of a simulated run is made of."""
    return source_of_run(report, run.recorder.history(), plan, run.recorder.nemesis, run.evidence)


def conclude(store: Store, report: Report, verdict: bytes, page: Source) -> Conclusion:
    """Keep verdict, report and page, show the report."""
    store.keep(report, verdict, page)
    if report.trouble is None and store.trouble is not None:
        report = replace(report, trouble=store.trouble)
    show(report, console())
    return conclusion(report, verdict, folder=store.folder, history=store.folder / HISTORY)


def simulate(plan: Plan, recorder: Recorder) -> Run:
    """Run a plan with a progress bar, recording events as they happen. Ctrl-C and SIGTERM end it early and cleanly."""
    screen = console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(f"simulating {plan.target}", total=plan.operations)
        simulation = Simulation(plan, recorder, progress=lambda done: bar.update(task, completed=done))
        with _stopped_by_signals(simulation):
            return simulation.run()


@contextmanager
def _stopped_by_signals(simulation: Simulation) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        simulation.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def facts_json(run: Run, report: Report) -> bytes:
    """What goes into verdict.json of a simulated run."""
    verdict = report.verdict
    counted = seen_in(run.recorder, verdict.model)
    return verdict_json(
        verdict,
        outcomes=counted.total,
        seen=counted,
        faults=[msgspec.to_builtins(one) for one in run.evidence],
        invariants_broken=run.violations,
        live=run.live,
        findings=[msgspec.to_builtins(one) for one in run.findings],
        interrupted=run.interrupted or verdict.interrupted,
        target_error=run.error,
        events=run.events,
        virtual_ms=round(run.virtual_ms, 3),
        fault_phase_ms=round(run.fault_phase_ms, 3),
        violated_ms=run.violated_ms,
        views=report.views,
        mechanism=report.mechanism,
    )
