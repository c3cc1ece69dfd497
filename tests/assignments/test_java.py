"""The solutions pass the assignments' tests, and each mistake fails a scenario. Rates of hunts and of the assignments'
tests: tests/benchmarks/assigned.py and assignments.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from naysayer.grade.pack import load, packs
from naysayer.grade.trial import Outcome, try_batch
from naysayer.play import notation, timed
from targets.backends.host.process import end_hosts
from targets.protocol.target import HOST
from tests.assignments.java import compiled, mistakes, solution
from tests.systems import needs, without

pytestmark = needs(without("java", "javac"))

SCENARIOS = Path(__file__).parent / "scenarios"
"""By assignment and mistake: a run that shows it, as a hunt minimised it. What hunts draw may change; these do not."""


def scenarios() -> list[tuple[str, str]]:
    """The assignment and the mistake of each."""
    return sorted((file.parent.name, file.stem) for file in SCENARIOS.glob("*/*.txt"))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything is compiled."""
    folder = tmp_path_factory.mktemp("java")
    compiled(folder)
    return folder


def outcomes(assignment: str, test: str, seeds: range, command: str) -> list[Outcome]:
    found = load(assignment)
    one = next(one for one in found.test if one.name == test)
    try:
        return try_batch(found, one, [(seed, False) for seed in seeds], f"{HOST}{command}")
    finally:
        end_hosts()


@pytest.mark.parametrize("assignment", packs())
def test_the_solution_fails_no_test(assignment: str, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course)
    for one in load(assignment).test:
        found = outcomes(assignment, one.name, range(1, 4), solution(assignment))
        assert [outcome for outcome in found if outcome.outcome in ("invalid", "error")] == []
        assert any(outcome.outcome == "valid" for outcome in found)


@pytest.mark.parametrize(("assignment", "mistake"), scenarios())
def test_the_mistake_fails_its_scenario_and_the_solution_does_not(
    assignment: str, mistake: str, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(course)
    scenario = notation.read(SCENARIOS / assignment / f"{mistake}.txt")
    assert scenario.target == f"{HOST}{mistakes(assignment)[mistake]}"
    try:
        assert timed.play(scenario)[1].outcome == "invalid"
        assert timed.play(replace(scenario, target=f"{HOST}{solution(assignment)}"))[1].outcome != "invalid"
    finally:
        end_hosts()
