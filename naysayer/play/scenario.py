"""Plays a whole scenario: writes the output into its text, and compares it with the output that was expected."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff

from checker.errors import UsageError
from naysayer.play.language import INDENT, Line, ScenarioError, parse
from naysayer.play.running import Running
from targets.protocol.target import Target
from targets.registry import find


@dataclass(frozen=True)
class Played:
    """A scenario that was played."""

    source: str
    expected: str
    """The text of the file, with the expected output."""
    text: str
    """The text with the output of this run."""
    verdicts: tuple[str, ...]
    """The outcome of each verdict, in order: valid, invalid or unknown."""

    @property
    def expects(self) -> bool:
        """Whether the file has expected output."""
        return any(line.startswith(INDENT) for line in self.expected.splitlines())

    @property
    def holds(self) -> bool:
        """Whether the output is exactly as expected."""
        return self.text == self.expected

    def difference(self) -> list[str]:
        """The lines that differ, as a unified diff."""
        lines = unified_diff(self.expected.splitlines(), self.text.splitlines(), "expected", "played", lineterm="")
        return list(lines)


def play_scenario(text: str, source: str) -> Played:
    """Play a scenario; errors call it `source`. Raises ScenarioError, with the line, if it cannot be played."""
    output: list[str] = []
    verdicts: list[str] = []
    before: list[Line] = []
    """The steps so far, the cluster first: a twin plays them again."""
    running: Running | None = None
    for line in parse(text, source):
        output.append(line.text)
        lines: list[str] = []
        try:
            if line.kind == "cluster":
                running = Running(line.steps[0])
                before = [line]
            elif line.kind == "again":
                lines, found = _twin(before, find(str(line.steps[0].arguments[0])))
                verdicts += found
            elif line.kind == "steps" and running is not None:
                seen = len(running.verdicts)
                lines = running.line(line)
                verdicts += running.verdicts[seen:]
                before.append(line)
        except UsageError as error:
            raise ScenarioError(f"{source}:{line.number}: {error}") from error
        output += [INDENT + one for one in lines]
    return Played(source, text, "\n".join(output) + "\n", tuple(verdicts))


def _twin(before: list[Line], target: Target) -> tuple[list[str], list[str]]:
    """The steps whose output differs with another target, and its verdicts."""
    cluster, *rest = before
    one, other = Running(cluster.steps[0]), Running(cluster.steps[0], target)
    lines: list[str] = []
    for line in rest:
        was, now = one.line(line), other.line(line)
        if was != now or any(step.form.action == "verdict" for step in line.steps):
            lines += [line.text, *(INDENT + text for text in now or ["nothing happens"])]
    return lines, other.verdicts
