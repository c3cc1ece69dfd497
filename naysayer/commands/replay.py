"""`naysayer replay RESULT`: the same run again, and whether the history is the same, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path

from checker.errors import HarnessError, UsageError
from naysayer.commands.test import facts_json, judged_report, page_source, result_of, simulate
from naysayer.hunt.drawing import draw
from naysayer.hunt.finding import DIAGRAM
from naysayer.mechanism import with_mechanism
from naysayer.page.source import Source
from naysayer.page.write import write_page
from naysayer.plan import read
from naysayer.play import notation, timed
from naysayer.play.notation import SCENARIO
from naysayer.recorder import Recorder
from naysayer.report.build import build_report
from naysayer.report.conclusion import Conclusion, conclusion
from naysayer.report.console import console
from naysayer.report.nodes import with_nodes
from naysayer.report.terminal import show
from naysayer.results import HISTORY, PAGE, REPORT, TEST, VERDICT, open_folder
from naysayer.signals import Reporting

ERROR = 3
OLD_FILE = "scenario.toml"
"""The scenario of an earlier version, refused by name."""
DIFFERS = "the history DIFFERS from the recorded one: another version, or an interrupted run?"


def replay_result(what: Path) -> Conclusion:
    """Run a scenario, or run a result again; its exit code is that of the verdict, 3 if the history differs."""
    if _is_scenario(what):
        _, concluded, _ = _replay_scenario(what)
        return concluded
    folder = open_folder(what)
    if not (folder / HISTORY).is_file():
        raise UsageError(f"{folder} has no {HISTORY} to compare with: its run was aborted, or it is not complete")
    for file in (folder / OLD_FILE, folder / SCENARIO):
        if file.is_file():
            history, concluded, page = _replay_scenario(file, folder)
            return _compared(history, folder, concluded, page)
    plan = read(folder / TEST)
    if plan.backend != "simulator":
        said = f"{folder} was run {plan.backend}, where time is real: only simulated runs replay"
        raise UsageError(f"{said}; judge it again with naysayer check {folder / HISTORY}")
    again = BytesIO()
    run = simulate(plan, Recorder(again))
    with Reporting() as reporting:
        report = judged_report(plan, run, folder, reporting)
        show(report, console())
        concluded = conclusion(report, facts_json(run, report))
        return _compared(again.getvalue(), folder, concluded, page_source(plan, run, report))


def _is_scenario(path: Path) -> bool:
    """Whether a path names a scenario, whatever it is called, rather than a result folder or a file of one."""
    return path.is_file() and path.name not in (HISTORY, VERDICT, REPORT, PAGE, TEST, DIAGRAM)


def _replay_scenario(file: Path, folder: Path | None = None) -> tuple[bytes, Conclusion, Source]:
    """Run a scenario (of a result folder), and report; returns its history too, and what its page is made of."""
    scenario = notation.read(file)
    again = BytesIO()
    run, verdict = timed.play(scenario, Recorder(again), trace=True)
    screen = console()
    drawn = draw(scenario, run, verdict, screen.width)
    screen.print(f"{notation.text(scenario)}\n{drawn}\n", markup=False, soft_wrap=True)
    plan = timed.plan_of(scenario)
    report = build_report(result_of(plan, run, verdict), folder, replay=file if folder is None else folder)
    report = with_nodes(plan, report, partial(timed.rerun, scenario))
    report = with_mechanism(plan, report, scenario)
    show(report, screen)
    return again.getvalue(), conclusion(report, facts_json(run, report)), page_source(plan, run, report)


def _compared(again: bytes, folder: Path, concluded: Conclusion, page: Source) -> Conclusion:
    """Say whether the history is the recorded one; without that it is not a replay. If it is, make its page anew."""
    screen = console()
    recorded = folder / HISTORY
    concluded = replace(concluded, folder=folder, history=recorded, identical=again == recorded.read_bytes())
    if concluded.identical:
        screen.print(f"replay    ✓ the history is identical to {recorded}")
        try:
            write_page(folder / PAGE, page)
        except HarnessError as error:  # the replay is what was asked for
            screen.print(f"page      ! not made anew: {error}")
        return concluded
    screen.print(f"replay    ✗ {DIFFERS}")
    return replace(concluded, code=ERROR, error=DIFFERS)
