"""`naysayer list`: what there is to test, to do, to break and to judge by, a line each."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from checker.formats import SUMMARIES
from checker.models import MODELS
from checker.properties import PROPERTIES
from checker.transactions import MODELS as TRANSACTIONS
from checker.transactions.levels import LEVELS
from naysayer.report.console import console
from nemesis.catalog import KINDS
from targets.backends.stdio.protocol import DIALECTS
from targets.registry import all_targets
from workloads.generator import Workload
from workloads.registry import WORKLOADS


def list_all(*, broken: bool) -> int:
    """Print the lists; returns the exit code."""
    screen = console()
    if broken:
        _table(
            screen,
            "Broken variants",
            [
                (
                    t.name,
                    t.broken.misconception,
                    ", ".join(t.broken.faults) or "none",
                    t.broken.anomaly,
                    t.broken.difficulty,
                )
                for t in all_targets()
                if t.broken is not None
            ],
            ("target", "misconception", "faults", "anomaly", "difficulty"),
        )
        return 0
    healthy = [target for target in all_targets() if target.broken is None]
    variants = sum(target.broken is not None for target in all_targets())
    _table(screen, "Targets", [(target.name, target.summary) for target in healthy])
    screen.print(f"  and {variants} broken variants of them: naysayer list --broken\n")
    _table(screen, "Workloads", [(w.name, _workload(w)) for w in WORKLOADS.values()])
    _table(screen, "Faults", [(kind.name, kind.summary) for kind in KINDS.values()])
    _table(screen, "Models", [(name, model.summary) for name, model in MODELS.items()])
    _table(screen, "Promises other than linearizability, named as models are", list(PROPERTIES.items()))
    _table(screen, "Transactions, named as models are", list(TRANSACTIONS.items()))
    _table(screen, "Levels of isolation, named as models are", [(one.name, one.summary) for one in LEVELS.values()])
    _table(screen, "Formats of histories (naysayer check)", list(SUMMARIES.items()))
    return 0


def _workload(workload: Workload) -> str:
    by = "" if _runs_here(workload) else "; only with --cluster"
    return f"{workload.summary} (judged as {workload.model}{by})"


def _runs_here(workload: Workload) -> bool:
    """Whether a target of ours offers its operations, or `--bin` speaks it; else it takes a client that offers them,
    which those for etcd and Redis are not: what they offer, the replicated logs offer too."""
    return workload.name in DIALECTS or any(workload.operations <= target.operations for target in all_targets())


def _table(
    screen: Console, title: str, rows: list[tuple[str, ...]], columns: tuple[str, ...] = ("name", "what it is")
) -> None:
    wide = len(columns) > 2
    table = Table(title=title, title_justify="left", box=None, show_header=wide, padding=(0, 1 if wide else 2))
    for number, column in enumerate(columns):
        # names of faults are typed in: they are never cut off, and not broken where there is room for them
        word = max(len(word) for row in [columns, *rows] for word in row[number].split()) if wide else None
        table.add_column(
            column, no_wrap=number == 0, style="bold" if number == 0 else "", overflow="fold", min_width=word
        )
    for row in rows:
        table.add_row(*row)
    screen.print(table)
    screen.print()
