"""What `naysayer check` can read and judge is named where users look for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.formats import FORMATS, SUMMARIES
from checker.models import MODELS
from checker.properties import PROPERTIES
from checker.transactions import MODELS as TRANSACTIONS
from checker.transactions.levels import LEVELS
from naysayer.cli import run

NAMES = (*MODELS, *PROPERTIES, *TRANSACTIONS, *LEVELS, *FORMATS)


@pytest.mark.parametrize("arguments", [["check", "--help"], ["list"]], ids=" ".join)
def test_every_model_and_format_is_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert [name for name in NAMES if not re.search(rf"(?<![\w-]){name}(?![\w-])", printed)] == []


COMMANDS = [
    "test",
    "check",
    "hunt",
    "explore",
    "grade",
    "init",
    "play",
    "replay",
    "report",
    "serve",
    "merge",
    "conform",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_lines_of_an_option_begin_below_each_other(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What goes on over two lines of a source file keeps the indentation that it has there."""
    assert run([command, "--help"]) == 0
    for panel in capsys.readouterr().out.split("╰"):
        rows = [line for line in panel.splitlines() if re.match(r"│ {5,}\S", line)]
        assert len({len(row) - len(row[1:].lstrip()) for row in rows}) <= 1


def test_the_page_about_formats_names_every_model_and_format() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in page] == []


def test_every_format_has_a_summary() -> None:
    assert list(SUMMARIES) == list(FORMATS)
