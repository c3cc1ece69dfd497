"""Consoles: the user's terminal, a text file, a picture."""

from __future__ import annotations

from pathlib import Path
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


def text_file(path: Path) -> Console:
    """Writes plain text to a file."""
    from rich.console import Console

    return Console(file=path.open("w", encoding="utf-8"), width=TEXT_WIDTH, highlight=False, color_system=None)
