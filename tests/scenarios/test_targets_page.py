"""docs/targets.md names what there is: every target with its patterns, every variant, every file of their packages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from targets.protocol.target import Target
from targets.registry import all_targets

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "targets.md").read_text()
HEALTHY = [target for target in all_targets() if target.broken is None]
BROKEN = [target for target in all_targets() if target.broken is not None]


def section(family: str) -> str:
    """What the page says on how to read a target."""
    found = [part for part in PAGE.split("\n### ") if family in part.partition("\n")[0]]
    assert found, f"no section on {family}"
    return found[0]


@pytest.mark.parametrize("target", HEALTHY, ids=lambda target: target.name)
def test_a_target_stands_in_the_table_with_all_its_patterns(target: Target) -> None:
    row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{target.name}` |")), "")
    patterns = {pattern.strip().lower() for pattern in row.split("|")[2].split(",")} if row else set()
    assert patterns == {pattern.lower() for pattern in target.patterns}


@pytest.mark.parametrize("target", HEALTHY, ids=lambda target: target.name)
def test_a_target_s_section_names_its_operations(target: Target) -> None:
    words = set(re.findall(r"\w[\w-]*", section(target.name)))
    assert target.operations <= words


def test_every_pattern_of_a_target_stands_in_the_table_of_real_systems() -> None:
    table = PAGE.partition("## The patterns in real systems")[2].lower()
    wanted = {pattern.lower() for target in HEALTHY for pattern in target.patterns}
    assert sorted(pattern for pattern in wanted if f"\n| {pattern} |" not in table) == []


def test_every_broken_variant_is_named_in_the_section_of_its_family() -> None:
    names = (target.name.split("/") for target in BROKEN)
    assert [f"{family}/{name}" for family, name in names if f"`{name}`" not in section(family)] == []


def test_every_file_named_exists_and_every_file_of_the_targets_is_named() -> None:
    named = set(re.findall(r"`((?:targets|tests)/[\w/]+\.(?:py|txt))`", PAGE))
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []
    present = {str(path.relative_to(ROOT)) for path in (ROOT / "targets" / "systems").glob("*/*.py")}
    assert len(present) > 40, "the systems are no longer where this test looks"
    assert sorted(name for name in present - named if not name.endswith("__init__.py")) == []
