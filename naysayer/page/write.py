"""Writes a page to a file that a user has named."""

from __future__ import annotations

from pathlib import Path

from checker.errors import HarnessError, UsageError
from naysayer.page.render import render
from naysayer.page.source import Source


def refuse_place(file: Path, option: str = "--html") -> None:
    """Raises UsageError for a file that cannot be written, before anything is judged for it."""
    if file.is_dir():
        raise UsageError(f"{option} {file}: that is a folder; name a file")
    if not file.parent.is_dir():
        raise UsageError(f"{option} {file}: there is no folder {file.parent}")
    if file.is_file() and file.stat().st_size and not file.read_bytes()[:100].lstrip().lower().startswith(b"<"):
        raise UsageError(f"{option} {file}: that exists and is no page; name another file, so that nothing is lost")


def write_page(file: Path, source: Source) -> None:
    """Write the page. Raises HarnessError where that is not possible."""
    try:
        file.write_bytes(render(source))
    except OSError as error:
        raise HarnessError(f"{file}: {error.strerror}") from error
