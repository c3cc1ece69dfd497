"""The pages for people: links lead somewhere, files, commands and options that they name exist."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.naysayer.pages import PAGES, ROOT, commands

TOPS = ("checker", "targets", "workloads", "nemesis", "naysayer", "tests", "docs", "examples", "results")


@cache
def options_of(command: str) -> frozenset[str]:
    from contextlib import redirect_stdout
    from io import StringIO

    said = StringIO()
    with redirect_stdout(said):
        assert run([command, "--help"]) == 0, f"there is no command {command}"
    return frozenset(re.findall(r"--[a-z][a-z-]*", said.getvalue()))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(TOPS)})/[\w./-]+)`", (ROOT / page).read_text())
    made_up = ("NAME", "results/")
    lacking = [name for name in named if not (ROOT / name).exists() and not any(word in name for word in made_up)]
    assert lacking == []


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=str)
def test_options_of_commands_exist(page: Path) -> None:
    text = (ROOT / page).read_text()
    lines = [*commands(text), *re.findall(r"`(naysayer [a-z][^`]*)`", text)]
    wrong = []
    for line in lines:
        name = line.split()[1]
        own = line.partition('--bin "')[0] if '--bin "' in line else line
        wrong += [line for option in re.findall(r" (--[a-z][a-z-]*)", own) if option not in options_of(name)]
        assert options_of(name) is not None
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_targets_of_make_exist(page: Path) -> None:
    there = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:`|^    )make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE)
    assert [name for name in named if name not in there] == []


def test_every_page_stands_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    pages = [page.name for page in PAGES if page.parent == Path("docs") and page.name != "index.md"]
    assert [name for name in pages if f"]({name})" not in index] == []


@pytest.mark.slow
def test_the_modules_that_make_runs_can_be_imported() -> None:
    modules = set(re.findall(r"python -m (?!pip|venv|pytest)([\w.]+)", (ROOT / "Makefile").read_text()))
    assert "tests.screenshots" in modules
    for module in sorted(modules):
        import_module(module)
