"""`naysayer hunt TARGET`: search seeds for a failure, minimise it, and report it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from checker.english import counted
from checker.errors import HarnessError, TargetError
from checker.parallel import validate_workers
from checker.processes import cores
from naysayer.commands.kept_scenario import keep_scenario
from naysayer.commands.test import facts_json, page_source, result_of
from naysayer.explore.origin import is_explorable
from naysayer.hunt.beyond import CONTINUATIONS, seen_by_clients
from naysayer.hunt.campaign import Caught, Hunt, attempt, run_campaign
from naysayer.hunt.corpus import try_known
from naysayer.hunt.drawing import draw
from naysayer.hunt.finding import ORIGINAL, Failure, changed, judged, reproduce, size, summary
from naysayer.hunt.shrink import SECONDS_MAX, Shrunk, shrink
from naysayer.mechanism import with_mechanism
from naysayer.options import given
from naysayer.plan import Plan, text
from naysayer.play import notation, timed
from naysayer.possible import dies, said_of
from naysayer.recorder import Recorder
from naysayer.report.build import build_report
from naysayer.report.conclusion import Conclusion, conclusion
from naysayer.report.console import console, now_and_then
from naysayer.report.nodes import with_nodes
from naysayer.report.terminal import show
from naysayer.results import HISTORY, new_folder, refuse_unwritable
from naysayer.signals import Stop, StopRequest
from naysayer.store import Store
from targets.registry import find as find_target

FOUND, NOTHING, UNDECIDED, ERROR = 1, 0, 2, 3

Options = Mapping[str, Any]
"""What was asked of a hunt, as test.toml keeps it."""


def hunt_target(hunt: Hunt, *, engine: str, workers: int | None, results: Path) -> Conclusion:
    """Hunt, minimise, keep, report. Raises UsageError for what does not fit the target, or the machine.

    SIGINT and SIGTERM end the search, or the minimising: what is found by then is kept and reported.
    """
    hunt.validate()
    refuse_unwritable(results)
    validate_workers(workers, engine)
    about = said_of(find_target(hunt.target)) if hunt.workload is None else None
    if about is not None:
        console().print(f"  {about}", markup=False, highlight=False)
    with StopRequest() as stop:
        caught = _known(hunt, results) or _at_once(hunt) or _search(hunt, engine, workers or cores(), stop)
        if caught.plan is None:
            return _nothing(hunt, caught)
        folder = new_folder(results, caught.plan.name)
        concluded, scenario = report_failing(caught.plan, folder, given(hunt), stop, caught.unlike)
    screen = console()
    if caught.known is not None:
        again = "fails again, as an earlier hunt found it; --first-seed hunts for another failure"
        screen.print(f"✗ {hunt.target}: seed {caught.plan.seed} {again}", markup=False, highlight=False)
        screen.print(f"  {caught.known}", markup=False, highlight=False, soft_wrap=True)
    else:
        screen.print(f"✗ {hunt.target}: seed {caught.plan.seed} fails, after {_effort(caught)}", markup=False)
        screen.print(f"  {caught.coverage.sentence()}", markup=False, highlight=False)
    if concluded.error is not None:
        screen.print(f"✗ {concluded.error}; the seed finds it again", markup=False)
    return replace(concluded, code=FOUND, title=hunt.target, hunt=_facts(hunt, caught, scenario))


def _known(hunt: Hunt, results: Path) -> Caught | None:
    """What earlier hunts found, if it fails again. Not for a shard, whose runs are its own, nor if seeds are named."""
    if hunt.shard is not None or hunt.first_seed != Hunt.first_seed:
        return None
    tried = try_known(hunt, results)
    if tried.seeds and tried.plan is None:
        count = "the failure" if tried.seeds == 1 else f"each of the {tried.seeds} failures"
        console().print(f"  {count} of earlier hunts in {results} no longer occurs", markup=False, highlight=False)
    return None if tried.plan is None else tried


def _at_once(hunt: Hunt) -> Caught | None:
    """The first seed of a program whose nodes die or hang by themselves: each other process would wait for it too."""
    if hunt.shard is not None or not dies(find_target(hunt.target)):
        return None
    tried = attempt(hunt, range(hunt.first_seed, hunt.first_seed + 1))
    return None if tried.failed is None else Caught(tried.failed, 1, tried.cpu_s, 0, unlike=tried.unlike)


def _search(hunt: Hunt, engine: str, workers: int, stop: StopRequest) -> Caught:
    screen = console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(f"hunting {hunt.target}", total=hunt.seeds)
        line = now_and_then()

        def goes_on(done: int) -> bool:
            bar.update(task, completed=done)
            line(lambda: f"hunting {hunt.target}: {done}{'' if hunt.seeds is None else f' of {hunt.seeds}'} seeds")
            return not stop.made

        return run_campaign(hunt, engine, workers, goes_on)


def _minimise(found: timed.Scenario, seed: int, stop: Stop) -> Shrunk:
    screen, line = console(), now_and_then()
    bound = f"up to {SECONDS_MAX:.0f} CPU seconds"
    with screen.status(f"seed {seed} fails; minimising it, {bound}") as status:

        def goes_on(smallest: Shrunk) -> bool:
            words = f"seed {seed} fails; minimising it, {bound}: {size(smallest.scenario)} after "
            words += counted(smallest.runs, "run")
            if screen.is_terminal:
                status.update(words)
            line(lambda: words)
            return not stop.made

        return shrink(found, goes_on)


def report_failing(
    failing: Plan, folder: Path, options: Options, stop: Stop, unlike: str | None = None
) -> tuple[Conclusion, str]:
    """Run the failing plan again, minimise it, keep and report what is left. Its error is what could not be kept.

    Returns the scenario too. `unlike`: why the plan may not fail again. Raises TargetError if it does not.
    """
    found, original, lost = _keep_original(failing, folder, options)
    if original.verdict.outcome != "invalid":
        because = unlike or "its nodes are not deterministic"
        raise TargetError(f"seed {failing.seed} failed, and does not fail when it is run again: {because}")
    if unlike is not None:
        concluded = _report_original(failing, original, folder, options, unlike)
        return replace(concluded, error=lost or concluded.error), notation.text(found)
    beyond = _seen_by_clients(failing, original, stop)
    if beyond is not None:
        found, _ = reproduce(beyond)
    smaller = _minimise(found, failing.seed, stop)
    plan = timed.plan_of(smaller.scenario, failing.nemesis)
    with Store(folder, text(plan, options)) as store:
        run, verdict = timed.play(smaller.scenario, Recorder(store), trace=True)
    if verdict.outcome != "invalid":
        concluded = _report_original(failing, original, folder, options, smaller.cut or "its scenario does not fail")
        return replace(concluded, error=lost or concluded.error), notation.text(found)
    screen, said = console(), summary(found, smaller)
    result = result_of(plan, run, verdict, original=changed(original, Failure(run, verdict), beyond is not None))
    report = with_nodes(plan, build_report(result, folder), partial(timed.rerun, smaller.scenario))
    report = with_mechanism(plan, report, smaller.scenario)
    # kept before it is shown: a reader that closes the pipe after the first lines ends the command
    title = f"What fails in {failing.target}, as a hunt minimised it from seed {failing.seed}."
    keep_scenario(store, smaller.scenario, run, verdict, title, said)
    facts = facts_json(run, report)
    store.keep(report, facts, page_source(plan, run, report))
    drawn = draw(smaller.scenario, run, verdict, screen.width)
    screen.print(f"{said}\n\n{drawn}\n", highlight=False, markup=False, soft_wrap=True)
    show(report, screen)
    if is_explorable(find_target(failing.target), smaller.scenario, folder):
        screen.print(f"  shorter   naysayer explore --from {folder}", markup=False, highlight=False, soft_wrap=True)
    concluded = conclusion(report, facts, folder=folder, history=folder / HISTORY)
    return replace(concluded, error=lost or store.trouble), notation.text(smaller.scenario)


def _seen_by_clients(failing: Plan, original: Failure, stop: Stop) -> Plan | None:
    """Where a run broke an invariant: a continuation in which clients see an anomaly, if one is found."""
    violated_ms = original.run.violated_ms
    if original.verdict.method != "invariant" or violated_ms is None:
        return None
    screen = console()
    with screen.status(f"seed {failing.seed} breaks an invariant; continuing it until clients see something wrong"):
        beyond = seen_by_clients(failing, violated_ms, lambda: not stop.made)
    said = "clients saw something wrong in one" if beyond is not None else "clients saw nothing wrong in any"
    words = f"seed {failing.seed} breaks an {original.kind}. Of up to {CONTINUATIONS} continuations, {said}."
    screen.print(words, markup=False, highlight=False)
    return beyond


def _keep_original(plan: Plan, folder: Path, options: Options) -> tuple[timed.Scenario, Failure, str | None]:
    """Run the failing plan again, and keep it in a folder of its own; returns also what could not be kept and why."""
    try:
        (folder / ORIGINAL).mkdir()
    except OSError as error:
        raise HarnessError(f"{folder / ORIGINAL}: {error.strerror}; --results DIR chooses another place") from error
    with Store(folder / ORIGINAL, text(plan, options)) as store:
        found, run = reproduce(plan, store)
    original = judged(plan, run)
    report = build_report(result_of(plan, run, original.verdict), store.folder)
    report = with_nodes(plan, report)
    store.keep(report, facts_json(run, report), page_source(plan, run, report))
    return found, original, store.trouble


def _report_original(plan: Plan, original: Failure, folder: Path, options: Options, why: str) -> Conclusion:
    """Keep and report the failing run as it was found."""
    with Store(folder, text(plan, options)) as store:
        reproduce(plan, store)
    report = with_nodes(plan, build_report(result_of(plan, original.run, original.verdict), folder))
    facts = facts_json(original.run, report)
    store.keep(report, facts, page_source(plan, original.run, report))
    screen = console()
    screen.print(f"Not minimised: {why}.\n", highlight=False, markup=False, soft_wrap=True)
    show(report, screen)
    return replace(conclusion(report, facts, folder=folder, history=folder / HISTORY), error=store.trouble)


def _effort(caught: Caught) -> str:
    return f"{counted(caught.seeds, 'seed')}, {caught.cpu_s:.1f} CPU s"


def _facts(hunt: Hunt, caught: Caught, scenario: str | None = None) -> dict[str, Any]:
    asked = {name: value for name, value in asdict(hunt).items() if name != "shard" and value is not None}
    return {
        "asked": asked,
        "shard": hunt.shard,
        "scenario": scenario,
        "seeds": caught.seeds,
        "seed": None if caught.plan is None else caught.plan.seed,
        "undecided": caught.undecided,
        "interrupted": caught.stopped,
        "cpu_s": round(caught.cpu_s, 3),
        "states": caught.coverage.states,
        "new_states_per_seed": round(caught.coverage.new_per_run, 1),
        "unseen": round(caught.coverage.unseen, 4),
    }


def _nothing(hunt: Hunt, caught: Caught) -> Conclusion:
    screen = console()
    nothing = Conclusion(NOTHING, hunt.target, error=caught.trouble, hunt=_facts(hunt, caught))
    if caught.trouble is not None:
        screen.print(f"! {hunt.target}: {caught.trouble} ({_effort(caught)})", markup=False)
        return replace(nothing, code=ERROR)
    undecided = f", {caught.undecided} undecided" if caught.undecided else ""
    if caught.stopped:
        screen.print(f"? {hunt.target}: interrupted; nothing found in {_effort(caught)}{undecided}", markup=False)
        return replace(nothing, code=UNDECIDED, error="interrupted")
    if not caught.seeds:
        said = "no seed was tried in the time given"
        screen.print(f"? {hunt.target}: {said}", markup=False)
        return replace(nothing, code=UNDECIDED, error=said)
    screen.print(f"✓ {hunt.target}: nothing found in {_effort(caught)}{undecided}", markup=False)
    screen.print(f"  {caught.coverage.sentence()}", markup=False, highlight=False)
    return replace(nothing, code=UNDECIDED) if caught.undecided else nothing
