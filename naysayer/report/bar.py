"""A progress bar on stderr, for work that turns out to take long."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SILENT_S = 0.5
"""Shorter work shows no bar: it would only flicker, and what draws it takes a while to import."""


class Bar:
    """As a context: shows how far some work is, as it reports by calls. Without a terminal nothing is shown."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._begun = time.monotonic()
        self._watched = sys.stderr is not None and sys.stderr.isatty()
        self._drawn: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn is not None:
            self._drawn[0].stop()

    def __call__(self, done: int, total: int) -> None:
        """So much of so much is done."""
        if self._drawn is not None:
            progress, task = self._drawn
            progress.update(task, completed=done, total=total)
        elif self._watched and time.monotonic() - self._begun > SILENT_S:
            self._drawn = _begun(self._what)


def _begun(what: str) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import Progress

    progress = Progress(console=Console(stderr=True), transient=True)
    progress.start()
    return progress, progress.add_task(what, total=None)
