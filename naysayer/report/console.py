"""Consoles: the user's terminal, a text file, a picture."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

TEXT_WIDTH = 100


def console() -> Console:
    """The terminal of the user, or plain text where stdout is none (rich also obeys NO_COLOR)."""
    from rich.console import Console

    screen = Console(highlight=False, soft_wrap=False)
    if not screen.is_terminal:
        return Console(highlight=False, width=TEXT_WIDTH)
    return screen


def as_text(draw: Callable[[Console], None]) -> str:
    """What is drawn on a console, as plain text."""
    from rich.console import Console

    file = StringIO()
    draw(Console(file=file, width=TEXT_WIDTH, highlight=False, color_system=None))
    return file.getvalue()
