"""What a command that judges has come to: its exit code, and all that --json and --junit hand on to programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from naysayer.report.report import Report


@dataclass(frozen=True)
class PlayedScenario:
    """What a scenario has come to; `outcome`: valid, invalid or unknown, as the exit code says."""

    name: str
    outcome: str
    as_expected: bool | None
    """Whether its output is the expected one; None where it expects nothing yet, and its verdicts decide."""
    verdicts: tuple[str, ...]
    """The outcome of each of its verdicts."""
    difference: tuple[str, ...] = ()
    """Lines of a unified diff from the expected output to that of this run."""

    @property
    def sentence(self) -> str | None:
        """Why it is not valid."""
        if self.outcome == "valid":
            return None
        if self.as_expected is None:
            return f"{self.name}: {', '.join(self.verdicts) or 'there is no verdict'}"
        return f"{self.name}: the output is not as expected"


@dataclass(frozen=True)
class Conclusion:
    """`title`: what was judged. `error`: why it was not judged to its end, or not all could be kept."""

    code: int
    title: str
    report: Report | None = None
    """None where there is no verdict: a hunt that found nothing, an error."""
    verdict: bytes | None = None
    """The content of verdict.json."""
    error: str | None = None
    folder: Path | None = None
    """The result folder."""
    history: Path | None = None
    hunt: Mapping[str, Any] | None = None
    """The effort of a hunt."""
    explore: Mapping[str, Any] | None = None
    """The scope that was explored, and what was found."""
    scenarios: tuple[PlayedScenario, ...] = ()
    """Of `naysayer play`."""
    identical: bool | None = None
    """Of a replay: whether the history was the recorded one."""


def conclusion(
    report: Report, verdict: bytes, *, folder: Path | None = None, history: Path | None = None
) -> Conclusion:
    """The conclusion of one report, with the exit code that follows from it."""
    return Conclusion(report.exit_code, report.title, report, verdict, report.trouble, folder, history)
