"""Consoles: the user's terminal, a text file, a picture.

Everything that is printed, or written to report.txt, goes through a Screen, so nothing raw reaches a terminal. Text
for it is built with the Text of this file: rich's own drops some control characters without a trace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from io import StringIO
from typing import Any

from rich import text as rich_text
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from naysayer.printable import printable

TEXT_WIDTH = 100

PLAIN_S = 5.0
"""How often there is a line of progress where stdout is no terminal."""


class Text(rich_text.Text):
    """rich's Text, of characters that can be printed; `lines`: line feeds are layout, and no part of a value."""

    def __init__(self, text: str = "", style: Any = "", *, lines: bool = False, **options: Any) -> None:
        super().__init__(printable(text, lines=lines), style, **options)

    def append(self, text: Any, style: Any = None) -> Text:
        """Add text, or a Text."""
        super().append(printable(text) if isinstance(text, str) else text, style)
        return self


class Screen(Console):
    """A console that interprets no markup in what it prints, and escapes what is not printable."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> rich_text.Text:
        """A plain string, in which line feeds are layout."""
        return super().render_str(printable(text, lines=True), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """All that is printed passes here; what moves the cursor is rich's own, and marked as such."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text, lines=True), segment.style)


FOR_PROGRAMS: ContextVar[bool] = ContextVar("stdout is for programs", default=False)
"""Whether nothing is printed for people, since stdout is for one JSON document."""


def console() -> Screen:
    """The terminal of the user, or plain text where stdout is none (rich also obeys NO_COLOR)."""
    screen = Screen(soft_wrap=False, quiet=FOR_PROGRAMS.get())
    return screen if screen.is_terminal else Screen(width=_columns() or TEXT_WIDTH, quiet=FOR_PROGRAMS.get())


def now_and_then() -> Callable[[Callable[[], str]], None]:
    """Prints what it is given, with the seconds since it was made, every PLAIN_S where stdout is no terminal."""
    screen, began = console(), time.monotonic()
    last = began

    def line(words: Callable[[], str]) -> None:
        nonlocal last
        now = time.monotonic()
        if not screen.is_terminal and now - last >= PLAIN_S:
            last = now
            screen.print(f"{now - began:4.0f} s  {words()}", markup=False, highlight=False, soft_wrap=True)

    return line


def _columns() -> int | None:
    """The width that the environment variable COLUMNS sets, for output that is piped."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else None


def as_text(draw: Callable[[Console], None]) -> str:
    """What is drawn on a console, as plain text."""
    file = StringIO()
    draw(Screen(file=file, width=TEXT_WIDTH, color_system=None))
    return file.getvalue()
