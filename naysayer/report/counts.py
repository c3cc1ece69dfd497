"""How many operations succeeded, as a table: by kind, by node, and while faults were active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from naysayer.notation import shortened
from naysayer.report.console import Text
from naysayer.report.layout import whole
from naysayer.report.timeline import DIM

if TYPE_CHECKING:
    from rich.console import Console

    from naysayer.seen import Counts, Seen

COLUMNS = ("all", "ok", "fail", "unknown")
NODES_SHOWN = 9
ERRORS_SHOWN = 3
ERROR_LENGTH_MAX = 100
INDENT = 12


def show_counts(seen: Seen, screen: Console) -> None:
    """Print the table. Each group of rows adds up to all operations; final reads are some of them."""
    rows = [(name, [str(n) for n in (one.all, one.ok, one.fail, one.info)]) for name, one in _rows(seen)]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *(numbers for _, numbers in rows), strict=True)]
    for_names = max(8, screen.width - INDENT - sum(widths) - 2 * len(widths))
    width = min(for_names, max(cell_len(name) for name, _ in rows))
    whole(screen, Text(f"  {'seen':<{INDENT - 2}}{'':{width}}{_columns(COLUMNS, widths)}", DIM))
    for name, numbers in rows:
        if cell_len(name) > width:
            whole(screen, Text(f"{'':{INDENT}}{name}"))
            name = ""
        whole(screen, Text(f"{'':{INDENT}}{name}{' ' * (width - cell_len(name))}{_columns(numbers, widths)}"))
    hidden = len(seen.by_node) - NODES_SHOWN
    if hidden > 0:
        whole(screen, Text(f"{'':{INDENT}}… and {hidden} more nodes", DIM))


def _columns(cells: tuple[str, ...] | list[str], widths: list[int]) -> str:
    return "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def _rows(seen: Seen) -> list[tuple[str, Counts]]:
    rows = list(seen.by_kind.items())
    if len(rows) > 1:
        rows.append(("all", seen.total))
    if seen.during_faults is not None:
        rows.append(("under faults", seen.during_faults))
        rows.append(("no fault", seen.total - seen.during_faults))
    if seen.final_reads is not None:
        rows.append(("final reads", seen.final_reads))
    if len(seen.by_node) > 1:
        rows += list(seen.by_node.items())[:NODES_SHOWN]
    return rows or [("all", seen.total)]


def errors(seen: Seen) -> str | None:
    """The most frequent error texts in one row; None if there were none."""
    shown = [f"{count} × {without_middle(text)}" for text, count in seen.errors[:ERRORS_SHOWN]]
    return " · ".join(shown) if shown else None


def without_middle(text: str) -> str:
    """An error of at most ERROR_LENGTH_MAX characters: words in its middle are left out, so that no address and no path
    is cut; a text without spaces is."""
    if len(text) <= ERROR_LENGTH_MAX:
        return text
    first = text[: ERROR_LENGTH_MAX * 2 // 3].rpartition(" ")[0]
    last = text[-ERROR_LENGTH_MAX // 3 :].partition(" ")[2]
    return f"{first} … {last}" if first and last else shortened(text, ERROR_LENGTH_MAX)
