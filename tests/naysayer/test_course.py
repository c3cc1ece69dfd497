"""docs/course.md: its hunts find what it says, its stories play as they are printed, its runs are valid."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from naysayer.cli import app, run
from naysayer.grade.pack import packs
from naysayer.hunt.campaign import Hunt, attempt
from tests.naysayer.pages import ROOT, commands

PAGE = (ROOT / "docs" / "course.md").read_text()
LINES = [line for line in dict.fromkeys(commands(PAGE)) if "--host" not in line]
HUNTS = [line for line in LINES if line.startswith("naysayer hunt")]
SEEDS = 150


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in LINES if line not in HUNTS])
def test_stories_play_as_printed_and_healthy_targets_are_valid(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, command, *arguments = shlex.split(line)
    fails = command == "explore" and "/" in arguments[0]  # a variant
    assert run([command, *arguments, *(["--ops", "200"] if command == "test" else [])]) == fails


@pytest.mark.slow
@pytest.mark.parametrize("line", HUNTS)
def test_hunts_find_something(line: str) -> None:
    """The search alone, in this process; tests of hunts show that what it finds is minimised and reported."""
    _, bound, _ = app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    target, options = bound.args[0], bound.kwargs.get("options")
    hunt = Hunt(target, SEEDS, workload=None if options is None else options.workload)
    hunt.validate()
    assert attempt(hunt, range(1, SEEDS + 1)).failed is not None


def test_every_assignment_has_its_place_in_the_course() -> None:
    assert [name for name in packs() if f"naysayer grade {name} --host" not in PAGE] == []
