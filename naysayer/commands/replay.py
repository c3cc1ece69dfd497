"""`naysayer replay RESULT`: the same run again, and whether the history is the same, byte for byte."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from pathlib import Path

from checker.errors import UsageError
from naysayer.commands.test import judge_and_tell, simulate
from naysayer.hunt import scenario as scenarios
from naysayer.hunt.diagram import diagram
from naysayer.plan import read
from naysayer.recorder import Recorder
from naysayer.report.console import console
from naysayer.report.story import Story
from naysayer.report.terminal import exit_code, show
from naysayer.results import HISTORY, TEST, open_folder
from naysayer.signals import Reporting
from naysayer.tell import tell, with_nodes

ERROR = 3


def replay_result(what: Path) -> int:
    """Run a scenario, or run a result again; returns the exit code of the verdict, 3 if the history differs."""
    if scenarios.is_scenario(what):
        _, story = _replay_scenario(what)
        return exit_code(story)
    folder = open_folder(what)
    if (folder / scenarios.SCENARIO).is_file():
        history, story = _replay_scenario(folder / scenarios.SCENARIO, folder)
        return _compared(history, folder, story)
    plan = read(folder / TEST)
    if plan.world != "simulator":
        said = f"{folder} was run {plan.world}, where time is real: only simulated runs replay"
        raise UsageError(f"{said}; judge it again with naysayer check {folder / HISTORY}")
    again = BytesIO()
    run = simulate(plan, Recorder(again))
    with Reporting() as reporting:
        _, story = judge_and_tell(plan, run, folder, reporting)
        show(story, console())
        return _compared(again.getvalue(), folder, story)


def _replay_scenario(file: Path, folder: Path | None = None) -> tuple[bytes, Story]:
    """Run a scenario (of a result folder), and report; returns its history and the report."""
    scenario = scenarios.read(file)
    again = BytesIO()
    run, verdict = scenarios.play(scenario, Recorder(again), trace=True)
    screen = console()
    screen.print(
        scenarios.story(scenario) + "\n\n" + diagram(run.trace or [], scenarios.marks(scenario)) + "\n",
        markup=False,
        soft_wrap=True,
    )
    plan = scenarios.plan_of(scenario)
    story = tell(plan, run, verdict, folder, replay=file)
    story = with_nodes(plan, story, partial(scenarios.rerun, scenario))
    show(story, screen)
    return again.getvalue(), story


def _compared(again: bytes, folder: Path, story: Story) -> int:
    """Say whether the history is the recorded one; returns the exit code."""
    screen = console()
    if again != (folder / HISTORY).read_bytes():
        screen.print("replay    ✗ the history DIFFERS from the recorded one: another version, or an interrupted run?")
        return ERROR
    screen.print(f"replay    ✓ the history is identical to {folder / HISTORY}")
    return exit_code(story)
