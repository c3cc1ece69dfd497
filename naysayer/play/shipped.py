"""The stories that come with the package: text files in stories/, by name."""

from __future__ import annotations

from pathlib import Path

from checker.errors import unknown_name

FOLDER = Path(__file__).parent / "stories"


def shipped() -> dict[str, Path]:
    """The stories by name, such as figure-8."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.txt"))}


def find_story(name: str) -> Path:
    """The story of that name. Raises UsageError naming those that are close."""
    known = shipped()
    if name not in known:
        raise unknown_name("story", name, known, shown_by="naysayer play")
    return known[name]


def title(path: Path) -> str:
    """What a story is about: its first comment, without the full stop."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip().rstrip(".")
