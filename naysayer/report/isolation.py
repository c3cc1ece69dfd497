"""What the report says of transactions: the levels of isolation, every kind of anomaly, and the cycle, drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from checker.transactions.levels import implied
from checker.verdict import Explanation, Verdict
from naysayer.report.console import Text
from naysayer.report.layout import hanging, whole
from naysayer.report.timeline import DIM, GOOD

if TYPE_CHECKING:
    from rich.console import Console


def levels(verdict: Verdict) -> Iterator[str]:
    """Rows for the facts: of the levels that hold the strongest, of those that do not the weakest, and the others that
    are not decided."""
    known = {rung.name: rung for rung in verdict.ladder}
    holds = [name for name, rung in known.items() if rung.holds]
    refuted = [name for name, rung in known.items() if rung.holds is False]
    strongest = [name for name in holds if not any(name in implied(other) for other in holds if other != name)]
    weakest = [name for name in refuted if not any(other in implied(name) for other in refuted if other != name)]
    if strongest:
        more = " and all weaker ones" if len(holds) > len(strongest) else ""
        yield f"✓ {', '.join(strongest)}{more}"
    if weakest:
        found = ", ".join(f"{name} ({known[name].detail})" for name in weakest)
        more = " and all stronger ones" if len(refuted) > len(weakest) else ""
        yield f"✗ {found}{more}"
    undecided = [name for name, rung in known.items() if rung.holds is None]
    if undecided:
        yield f"? {', '.join(undecided)}: not decided"


def draw(explanation: Explanation, screen: Console) -> None:
    """The cycle from top to bottom: each transaction with the micro-operations that matter, and why the next one comes
    after it."""
    whole(screen, Text("  Why no order works: each comes before the next", style="bold"))
    for edge, sentence in zip(explanation.cycle, explanation.steps, strict=True):
        micros = Text(explanation.notes.get(edge.before, ""))
        hanging(screen, Text(f"    #{edge.before:<5}", GOOD), micros, 10)
        hanging(screen, Text("      ↓   ", DIM), Text(f"{edge.why}: {sentence}", DIM), 10)
    last = explanation.cycle[-1].after
    whole(screen, Text(f"    #{last}", GOOD).append(" again" if last == explanation.cycle[0].before else "", DIM))


def anomalies(verdict: Verdict, screen: Console) -> None:
    """Every kind that was found: how often, and its smallest example."""
    if len(verdict.anomalies) < 2:
        return
    screen.print()
    whole(screen, Text("  All anomalies, each with its smallest example", style="bold"))
    for one in verdict.anomalies:
        whole(screen, Text(f"    {one.kind} × {one.count}", GOOD))
        hanging(screen, Text(" " * 6), Text(one.sentence), 6)
