"""How text is laid out in lines: hanging indents and rules across the screen, in which nothing that matters is cut.

Lines are broken at spaces only. A word that is longer than a line, such as a path, stays whole: a terminal wraps it,
and what is copied from there or from a file is what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text as AnyText

from naysayer.report.console import Text

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_MIN = 20
"""Text is given so many columns at least, however narrow the screen is."""

RULE = "━"


def whole(screen: Console, text: AnyText) -> None:
    """Print one line as it is, however long."""
    screen.print(text, soft_wrap=True)


def hanging(screen: Console, label: Text, text: AnyText, indent: int) -> None:
    """Print a label, and the text from column `indent` on, in all its lines."""
    head: AnyText = label
    for line in _wrapped(text, max(WIDTH_MIN, screen.width - indent)):
        row = Text()
        row.append(head)
        row.append(" " * (indent - cell_len(head.plain)))
        row.append(line)
        row.rstrip()
        whole(screen, row)
        head = Text()


def _wrapped(text: AnyText, width: int) -> Iterator[AnyText]:
    """The text in lines of at most so many columns, broken at spaces only (rich breaks long words, or nothing)."""
    for paragraph in text.split("\n", allow_blank=True):
        breaks, used = [], 0
        for word in re.finditer(r"\s*\S+", paragraph.plain):
            columns = cell_len(word.group())
            if used and used + columns > width:
                start = word.end() - len(word.group().lstrip())
                breaks.append(start)
                used, columns = 0, cell_len(paragraph.plain[start : word.end()])
            used += columns
        for line in paragraph.divide(breaks):
            line.rstrip()
            yield line


def filled(screen: Console, label: Text, pieces: Sequence[AnyText], indent: int, gap: int) -> None:
    """Print a label and pieces from column `indent` on, as many in a line as fit, with `gap` columns between them.

    A piece is broken only if it is longer than a line.
    """
    width = max(WIDTH_MIN, screen.width - indent)
    lines: list[AnyText] = []
    for piece in pieces:
        if lines and cell_len(lines[-1].plain) + gap + cell_len(piece.plain) <= width:
            lines[-1].append(" " * gap)
            lines[-1].append(piece)
        else:
            lines.append(piece.copy())
    head = label
    for line in lines:
        hanging(screen, head, line, indent)
        head = Text()


def rule(screen: Console, pieces: Sequence[str], style: str) -> None:
    """Print pieces in a rule across the screen; what does not fit into one line goes into the next."""
    bar = f"{RULE * 2} "
    lines = [bar + pieces[0]]
    for piece in pieces[1:]:
        longer = f"{lines[-1]} {bar}{piece}"
        if cell_len(longer) <= screen.width:
            lines[-1] = longer
        else:
            lines.append(bar + piece)
    for line in lines[:-1]:
        whole(screen, Text(line, style))
    rest = screen.width - cell_len(lines[-1]) - 1
    whole(screen, Text(f"{lines[-1]} {RULE * rest}" if rest > 0 else lines[-1], style))
