"""The scenarios that come with the package: text files in scenarios/, by name."""

from __future__ import annotations

from pathlib import Path

from checker.errors import unknown_name

FOLDER = Path(__file__).parent / "scenarios"


def shipped() -> dict[str, Path]:
    """The scenarios by name, such as figure-8."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.txt"))}


def find_scenario(name: str) -> Path:
    """The scenario of that name. Raises UsageError naming those that are close."""
    known = shipped()
    if name not in known:
        raise unknown_name("scenario", name, known, shown_by="naysayer play")
    return known[name]


def title(path: Path) -> str:
    """What a scenario is about: its first comment, without the full stop."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip().rstrip(".")
