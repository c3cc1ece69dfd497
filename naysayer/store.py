"""Writes the files of a run. If the disk is full, files stay incomplete, but the run and its report continue."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO

from naysayer.page.render import render
from naysayer.page.source import Source
from naysayer.report.console import as_text
from naysayer.report.report import Report
from naysayer.report.terminal import show
from naysayer.results import HISTORY, PAGE, REPORT, TEST, VERDICT


class Store:
    """The files of one run. As a context it keeps the history open: give it to the Recorder.

    `trouble`: the file that could not be written and why; None if there is none.
    """

    def __init__(self, folder: Path, test: str | None) -> None:
        """Writes the test.toml with the text `test`, unless there is no run."""
        self.folder = folder
        self.trouble: str | None = None
        self._history: IO[bytes] | None = None
        if test is not None:
            self.add(TEST, test.encode())

    def __enter__(self) -> Store:
        try:
            self._history = (self.folder / HISTORY).open("wb")
        except OSError as error:
            self.lost(HISTORY, error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def write(self, line: bytes) -> None:
        """Append to the history, unless it could not be written before."""
        if self._history is not None:
            try:
                self._history.write(line)
            except OSError as error:
                self.lost(HISTORY, error)
                self._close()

    def flush(self) -> None:
        """Write out what the history has so far, for a process that reads it meanwhile."""
        if self._history is not None:
            try:
                self._history.flush()
            except OSError as error:
                self.lost(HISTORY, error)
                self._close()

    def keep(self, report: Report, verdict: bytes, page: Source | None = None) -> None:
        """Write verdict.json and report.txt, and of a source for it report.html."""
        self.add(VERDICT, verdict)
        self.add(REPORT, as_text(lambda screen: show(report, screen)).encode())
        if page is None:
            return
        try:
            self.add(PAGE, render(page))
        except Exception as error:  # whatever is wrong with the page, the verdict is kept, and shown
            if self.trouble is None:
                self.trouble = f"{self.folder / PAGE} could not be made, please report this: {error!r}"

    def copy(self, name: str, file: Path) -> None:
        """Keep a copy of one of the user's files."""
        try:
            self.add(name, file.read_bytes())
        except OSError as error:
            self.lost(name, error)

    def add(self, name: str, content: bytes) -> None:
        """Write another file of the run."""
        try:
            (self.folder / name).write_bytes(content)
        except OSError as error:
            self.lost(name, error)

    def _close(self) -> None:
        history, self._history = self._history, None
        if history is not None:
            try:
                history.close()
            except OSError as error:
                self.lost(HISTORY, error)

    def lost(self, name: str, error: OSError) -> None:
        """Note that a file of the run is incomplete."""
        if self.trouble is None:
            path = self.folder / name
            self.trouble = (
                f"{path} is incomplete: {error.strerror}; free some space, or choose another folder with --results DIR"
            )
