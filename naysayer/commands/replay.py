"""`naysayer replay RESULT`: the same plan again, and whether the history is the same, byte for byte."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from checker.errors import UsageError
from naysayer.commands.test import judge_and_tell, simulate
from naysayer.hunt import scenario as scenarios
from naysayer.hunt.diagram import diagram
from naysayer.plan import read
from naysayer.recorder import Recorder
from naysayer.report.console import console
from naysayer.report.terminal import exit_code, show
from naysayer.results import HISTORY, TEST, open_folder
from naysayer.signals import Reporting
from naysayer.tell import tell

ERROR = 3


def replay_scenario(file: Path) -> int:
    """Run a scenario, and report; returns the exit code of its verdict."""
    scenario = scenarios.read(file)
    run, verdict = scenarios.play(scenario, trace=True)
    screen = console()
    screen.print(
        scenarios.story(scenario) + "\n\n" + diagram(run.trace or [], scenarios.marks(scenario)) + "\n",
        markup=False,
        soft_wrap=True,
    )
    story = tell(scenarios.plan_of(scenario), run, verdict, file.parent, scenario=file)
    show(story, screen)
    return exit_code(story)


def replay_result(what: Path) -> int:
    """Run again, report again; exit code 3 if the history differs, else that of the verdict."""
    if what.name.endswith("scenario.toml"):
        return replay_scenario(what)
    folder = open_folder(what)
    plan = read(folder / TEST)
    if plan.world != "simulator":
        said = f"{folder} was run {plan.world}, where time is real: only simulated runs replay"
        raise UsageError(f"{said}; judge it again with naysayer check {folder / HISTORY}")
    again = BytesIO()
    run = simulate(plan, Recorder(again))
    same = again.getvalue() == (folder / HISTORY).read_bytes()
    screen = console()
    with Reporting() as reporting:
        _, story = judge_and_tell(plan, run, folder, reporting)
        show(story, screen)
        if not same:
            screen.print(
                "replay    ✗ the history DIFFERS from the recorded one: another version, or an interrupted run?"
            )
            return ERROR
        screen.print(f"replay    ✓ the history is identical to {folder / HISTORY}")
        return exit_code(story)
