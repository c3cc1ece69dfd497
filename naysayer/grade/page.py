"""The report on a failure of a test: the failing seed minimised, as a hunt does it, in a folder of its own."""

from __future__ import annotations

import time
from pathlib import Path

from naysayer.commands.hunt import report_failing
from naysayer.grade.pack import Assignment, Trial
from naysayer.grade.trial import Outcome, plan_of
from naysayer.play import notation, play_scenario
from naysayer.play.language import content
from naysayer.play.notation import SCENARIO
from naysayer.report.console import FOR_PROGRAMS
from naysayer.results import REPORT
from targets.backends.host.process import end_hosts


class Deadline:
    """A request to stop that is made at a time."""

    def __init__(self, at_s: float) -> None:
        self._at_s = at_s

    @property
    def made(self) -> bool:
        """Whether the time has come."""
        return time.monotonic() > self._at_s


def write_page(assignment: Assignment, one: Trial, first: Outcome, target: str, folder: Path, until_s: float) -> None:
    """Write the report; minimising ends at `until_s` (of the monotonic clock)."""
    folder.mkdir(parents=True, exist_ok=True)
    FOR_PROGRAMS.set(True)
    end_hosts()
    if one.scenario is not None:
        written = content(Path(assignment.folder) / one.scenario)
        scenario = assignment.scenario(one, target)
        assert scenario is not None
        title = written.partition("\n")[0].removeprefix("#").strip()
        played = play_scenario(notation.text(scenario, title), one.scenario)
        (folder / SCENARIO).write_text(played.text, encoding="utf-8")
        (folder / REPORT).write_text(played.text, encoding="utf-8")
        return
    plan = plan_of(assignment, one, first.seed, target)
    report_failing(plan, folder, {}, Deadline(until_s))
