"""The history in a folder that a run left: of Jepsen's store, or of our own results."""

from __future__ import annotations

from pathlib import Path

from checker.errors import HistoryError

NAMES = ("history.jsonl", "history.edn", "history.txt", "jepsen.log")
"""In the order of preference: the first has the most information."""


def locate(path: Path) -> Path:
    """The file itself, or the history in the folder of a run. Raises HistoryError for a folder without one."""
    if not path.is_dir():
        return path
    for name in NAMES:
        for file in (path / name, path / f"{name}.gz"):
            if file.is_file() and file.stat().st_size:
                return file
    runs = sorted({found.parent for name in NAMES for found in path.glob(f"*/{name}")})
    more = f"; name the folder of one run, such as {runs[-1]}" if runs else ""
    raise HistoryError(f"is a directory without {', '.join(NAMES[:-1])} or {NAMES[-1]}{more}", source=str(path))
