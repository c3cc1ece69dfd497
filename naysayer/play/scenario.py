"""Plays a whole scenario: writes the output into its text, and compares it with the output that was expected."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff

from msgspec.structs import replace

from checker.errors import UsageError
from naysayer.plan import validate
from naysayer.play.language import INDENT, Line, ScenarioError, is_timed, parse, unquoted
from naysayer.play.notation import scenario_of, shown
from naysayer.play.running import Running, stage_of
from naysayer.play.timed import Scenario, plan_of
from naysayer.play.timed import play as play_timed
from targets.protocol.target import Target
from targets.registry import find
from workloads.registry import find as find_workload


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
    running: Running | None = None
    """Of a scenario that goes step by step: the cluster that it was played on, without its twin."""
    begun: tuple[tuple[float, str], ...] = ()
    """The steps of that, with the times at which they began (ms)."""
    timed: Scenario | None = None
    """A timed scenario."""

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
    parsed = parse(text, source)
    if is_timed(parsed):
        return _play_timed(parsed, text, source)
    output: list[str] = []
    verdicts: list[str] = []
    before: list[Line] = []
    """The steps so far, the cluster first: a twin plays them again."""
    running: Running | None = None
    begun: list[tuple[float, str]] = []
    for line in parsed:
        output.append(line.text)
        lines: list[str] = []
        try:
            if line.kind == "cluster":
                running = Running(stage_of(line.steps[0]))
                before = [line]
            elif line.kind == "again":
                lines, found = _twin(before, find(unquoted(line.steps[0].arguments[0])))
                verdicts += found
            elif line.kind == "steps" and running is not None:
                seen = len(running.verdicts)
                begun.append((running.stage.cluster.now_ms, line.text))
                lines = running.line(line)
                verdicts += running.verdicts[seen:]
                before.append(line)
        except UsageError as error:
            raise ScenarioError(f"{source}:{line.number}: {error}") from error
        output += [INDENT + one for one in lines]
    return Played(source, text, "\n".join(output) + "\n", tuple(verdicts), running, tuple(begun))


def _twin(before: list[Line], target: Target) -> tuple[list[str], list[str]]:
    """The steps whose output differs with another target, and its verdicts."""
    cluster, *rest = before
    one, other = Running(stage_of(cluster.steps[0])), Running(stage_of(cluster.steps[0], target))
    lines: list[str] = []
    for line in rest:
        was, now = one.line(line), other.line(line)
        if was != now or _is_verdict(line):
            lines += [line.text, *(INDENT + text for text in now or ["nothing happens"])]
    return lines, other.verdicts


def _play_timed(lines: tuple[Line, ...], text: str, source: str) -> Played:
    """A timed scenario is run as a whole; a twin is another run of all of it."""
    scenario = scenario_of(lines, source)
    output: list[str] = []
    verdicts: list[str] = []
    try:
        every, outcome = _run_timed(lines, scenario)
    except UsageError as error:
        raise ScenarioError(f"{source}: {error}") from error
    for number, line in enumerate(lines):
        output += [line.text, *(INDENT + one for one in every[number])]
        if _is_verdict(line):
            verdicts.append(outcome)
        if line.kind == "again":
            try:
                twin, of_twin = _run_timed(lines, replace(scenario, target=unquoted(line.steps[0].arguments[0])))
            except UsageError as error:
                raise ScenarioError(f"{source}:{line.number}: {error}") from error
            for place, step in enumerate(lines[:number]):
                if twin[place] != every[place] or _is_verdict(step):
                    output += [INDENT + one for one in (step.text, *(INDENT + one for one in twin[place]))]
                    verdicts += [of_twin] if _is_verdict(step) else []
    return Played(source, text, "\n".join(output) + "\n", tuple(verdicts), timed=scenario)


def _is_verdict(line: Line) -> bool:
    return any(step.form.action == "verdict" for step in line.steps)


def _run_timed(lines: tuple[Line, ...], scenario: Scenario) -> tuple[list[list[str]], str]:
    """What every line shows, and the outcome."""
    target, workload = find(scenario.target), find_workload(scenario.workload)
    validate(plan_of(scenario), target, workload)
    run, verdict = play_timed(scenario, weaker=False)
    return shown(lines, scenario, run, verdict), verdict.outcome
