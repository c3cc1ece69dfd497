"""Makes a failing scenario small: operations and faults together, then nodes, by delta debugging.

Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002): ddmin removes ever smaller chunks of
the list while what is left still fails. A scenario counts as failing while its verdict is invalid, whatever the kind:
the smallest violation is the best explanation. Bounded by runs; what is cut says so.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from msgspec.structs import replace

from naysayer.hunt.scenario import Ask, Scenario, Strike, play

RUNS_MAX = 1_500
SECONDS_MAX = 40.0

Item = Ask | Strike


@dataclass
class Shrunk:
    """The smallest scenario found; `cut` says which bound ended the search, None if nothing more could go."""

    scenario: Scenario
    runs: int = 0
    cut: str | None = None


class _Bound(Exception):  # noqa: N818 - control flow: ends the search
    pass


class _Search:
    def __init__(self, scenario: Scenario) -> None:
        self.best = Shrunk(scenario)
        self._until = time.monotonic() + SECONDS_MAX

    def fails(self, candidate: Scenario) -> bool:
        """Run a candidate; keep it if it fails."""
        if self.best.runs >= RUNS_MAX:
            raise _Bound(f"{RUNS_MAX} runs")
        if time.monotonic() > self._until:
            raise _Bound(f"{SECONDS_MAX:.0f} s")
        self.best.runs += 1
        run, verdict = play(candidate, weaker=False)
        if run.error is None and verdict.outcome == "invalid":
            self.best.scenario = candidate
            return True
        return False


def shrink(scenario: Scenario) -> Shrunk:
    """The smallest failing scenario that delta debugging finds; the given one must fail."""
    search = _Search(scenario)
    try:
        if not search.fails(scenario):
            search.best.cut = "the run did not fail again when its operations and faults were given as a script"
            return search.best
        _shortest_prefix(search)
        while True:
            before = search.best.scenario
            _ddmin(search)
            _fewer_nodes(search)
            if search.best.scenario == before:
                break
    except _Bound as bound:
        search.best.cut = f"shrinking was cut after {bound}"
    return search.best


def _shortest_prefix(search: _Search) -> None:
    """Leave out what comes too late to matter, by bisection: all that is left then happens exactly as it did."""
    items = _items(search.best.scenario)
    least, most = 1, len(items)
    while least < most:
        middle = (least + most) // 2
        if search.fails(_with(search.best.scenario, items[:middle])):
            most = middle
        else:
            least = middle + 1


def _items(scenario: Scenario) -> list[Item]:
    return sorted([*scenario.asks, *scenario.strikes], key=lambda item: item.at_ms)


def _with(scenario: Scenario, items: list[Item]) -> Scenario:
    asks = tuple(item for item in items if isinstance(item, Ask))
    strikes = tuple(item for item in items if isinstance(item, Strike))
    return replace(scenario, asks=asks, strikes=strikes)


def _ddmin(search: _Search) -> None:
    chunks = 2
    while True:
        items = _items(search.best.scenario)
        if len(items) < 2:
            return
        chunks = min(chunks, len(items))
        size = -(-len(items) // chunks)
        for start in range(0, len(items), size):
            rest = items[:start] + items[start + size :]
            if any(isinstance(item, Ask) for item in rest) and search.fails(_with(search.best.scenario, rest)):
                chunks = max(2, chunks - 1)
                break
        else:
            if size == 1:
                return
            chunks *= 2


def _fewer_nodes(search: _Search) -> None:
    """Three nodes instead of five, if nothing names the others."""
    scenario = search.best.scenario
    if scenario.nodes > 3:
        gone = {f"n{number}" for number in range(4, scenario.nodes + 1)}
        asks = tuple(ask for ask in scenario.asks if ask.node not in gone)
        strikes = tuple(s for s in scenario.strikes if not gone & set(str(s.fault).replace("'", " ").split()))
        search.fails(replace(scenario, nodes=3, asks=asks, strikes=strikes))
