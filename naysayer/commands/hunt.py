"""`naysayer hunt TARGET`: search seeds for a failure, make it small, and tell it."""

from __future__ import annotations

import os
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from naysayer.commands.test import facts_json
from naysayer.hunt import scenario as scenarios
from naysayer.hunt.campaign import Caught, Hunt, run_campaign
from naysayer.hunt.diagram import diagram
from naysayer.hunt.shrink import SECONDS_MAX, Shrunk, shrink
from naysayer.judge import judge_run
from naysayer.plan import Plan, text
from naysayer.recorder import Recorder
from naysayer.report.console import console
from naysayer.report.terminal import show
from naysayer.results import new_folder
from naysayer.simulate import Simulation
from naysayer.store import Store
from naysayer.tell import tell, with_nodes
from workloads.registry import find as find_workload

FOUND, NOTHING, UNDECIDED, ERROR = 1, 0, 2, 3


def hunt_target(hunt: Hunt, *, engine: str, results: Path) -> int:
    """Hunt, shrink, keep, report; returns the exit code. Raises UsageError for what does not fit the target."""
    hunt.refuse_misfits()
    screen = console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(f"hunting {hunt.target}", total=hunt.seeds)
        workers = os.cpu_count() or 1
        caught = run_campaign(hunt, engine, workers, lambda done: bar.update(task, completed=done))
    if caught.plan is None:
        return _nothing(hunt, caught)
    folder = new_folder(results, caught.plan.name)
    store = Store(folder, text(caught.plan))
    found = reproduce(caught.plan, store)
    with screen.status(f"seed {caught.plan.seed} fails; making it small: up to {SECONDS_MAX:.0f} CPU seconds"):
        smaller = shrink(found)
    run, verdict = scenarios.play(smaller.scenario, trace=True)
    told = _told(found, smaller) + "\n\n" + diagram(run.trace or [], scenarios.marks(smaller.scenario))
    # kept before it is told: whoever reads only the first lines of it ends the command
    store.add("scenario.toml", scenarios.text(smaller.scenario).encode())
    store.add("scenario.txt", f"{told}\n".encode())
    screen.print(told, highlight=False, markup=False, soft_wrap=True)
    screen.print()
    plan = scenarios.plan_of(smaller.scenario, caught.plan.nemesis)
    story = tell(plan, run, verdict, folder, scenario=folder / "scenario.toml")
    show(story, screen)
    effort = f"{caught.seeds} seeds, {caught.cpu_s:.1f} CPU s"
    screen.print(f"✗ {hunt.target}: seed {caught.plan.seed} fails, after {effort}", markup=False)
    if store.trouble is not None:
        screen.print(f"✗ {store.trouble}; the seed finds it again", markup=False)
    return FOUND


def _nothing(hunt: Hunt, caught: Caught) -> int:
    screen = console()
    effort = f"{caught.seeds} seeds, {caught.cpu_s:.1f} CPU s"
    if caught.trouble is not None:
        screen.print(f"! {hunt.target}: {caught.trouble} ({effort})", markup=False)
        return ERROR
    undecided = f", {caught.undecided} undecided" if caught.undecided else ""
    screen.print(f"✓ {hunt.target}: nothing found in {effort}{undecided}", markup=False)
    return UNDECIDED if caught.undecided else NOTHING


def reproduce(plan: Plan, store: Store | None) -> scenarios.Scenario:
    """Run the failing plan again, keep its result in `store`, and return it as a scenario."""
    if store is None:
        simulation = Simulation(plan, Recorder())
        return scenarios.of_run(plan, simulation, simulation.run())
    with store:
        simulation = Simulation(plan, Recorder(store))
        run = simulation.run()
    verdict = judge_run(run, find_workload(plan.workload).model)
    store.keep(with_nodes(plan, tell(plan, run, verdict, store.folder)), facts_json(run, verdict))
    return scenarios.of_run(plan, simulation, run)


def _told(found: scenarios.Scenario, smaller: Shrunk) -> str:
    before = f"{len(found.asks)} operations and {len(found.strikes)} faults"
    after = f"{len(smaller.scenario.asks)} and {len(smaller.scenario.strikes)}"
    cut = f" ({smaller.cut})" if smaller.cut else ""
    return f"Shrunk from {before} to {after} in {smaller.runs} runs{cut}.\n\n{scenarios.story(smaller.scenario)}"
