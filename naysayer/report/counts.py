"""How many operations succeeded, as a table: by kind, by node, and while faults were active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from naysayer.report.console import Text
from naysayer.report.timeline import DIM
from naysayer.report.words import shortened

if TYPE_CHECKING:
    from rich.console import Console

    from naysayer.seen import Counts, Seen

COLUMNS = ("all", "ok", "fail", "unknown")
NODES_SHOWN = 9
ERRORS_SHOWN = 3
ERROR_LENGTH_MAX = 60
LABEL = 12


def show_counts(seen: Seen, screen: Console) -> None:
    """Print the table, and the most frequent error texts."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=LABEL - 2, no_wrap=True)
    table.add_column(overflow="fold", max_width=max(8, screen.width - LABEL - 34))
    for _ in COLUMNS:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(Text("  seen", style=DIM), "", *(Text(name, style=DIM) for name in COLUMNS))
    for name, counts in _rows(seen):
        table.add_row("", Text(name), *(str(number) for number in (counts.all, counts.ok, counts.fail, counts.info)))
    screen.print(table)
    hidden = len(seen.by_node) - NODES_SHOWN
    if hidden > 0:
        screen.print(Text(f"{'':{LABEL}}… and {hidden} more nodes", style=DIM))


def _rows(seen: Seen) -> list[tuple[str, Counts]]:
    """The groups of rows: each group adds up to the row of all."""
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
    return rows


def errors(seen: Seen) -> str | None:
    """The most frequent error texts in one row; None if there were none."""
    shown = [f"{count} × {shortened(text, ERROR_LENGTH_MAX)}" for text, count in seen.errors[:ERRORS_SHOWN]]
    return " · ".join(shown) if shown else None
