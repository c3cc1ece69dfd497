"""The search, for any model: walks the events in order and keeps every configuration the system may be in.

If none is left after a return, the history has no linearization, and nothing after that event was needed to know it.
Time is exponential only in the operations that are live (and, less so, pending) at one instant.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checker.alarm import ended_in_time
from checker.budget import Budget, Meter, OutOfBudget
from checker.configurations import Frontier, Steps, rows_in_order
from checker.history import PENDING, History
from checker.model import Model
from checker.verdict import Decision

METHOD = "search"


def decide(part: History, model: Model, budget: Budget) -> Decision:
    """Judges one part (ok and pending operations only). What never returns may not have happened.

    The counterexample of `invalid` is everything called until those operations returned that were live when the
    last configuration died: sound, but not small. `unknown` says what ran out and how far the search got.
    """
    meter = Meter(budget)
    steps = Steps(model)
    frontier = Frontier(steps, meter)
    walk = Walk(part, frontier)
    try:
        with ended_in_time(meter.budget):
            refuted_at = walk.run(_kinds(part, steps))
    except OutOfBudget as out:
        live, size = len(frontier.live) + 1, sum(map(len, frontier.configurations.values()))
        far = f"{walk.returned:,} of {len(part):,} operations placed, {live} live, {size:,} configurations"
        return Decision("unknown", METHOD, steps=meter.steps, reason=f"{out}: {far}", bound=out.bound)
    if refuted_at is not None:
        return Decision("invalid", METHOD, counterexample=_prefix(part, refuted_at, frontier), steps=meter.steps)
    chain = next(iter(frontier.configurations.values()))[0][2]
    return Decision("valid", METHOD, witness=np.array(rows_in_order(chain), dtype=np.int64), steps=meter.steps)


class Walk:
    """Feeds the events of a part to a frontier."""

    def __init__(self, part: History, frontier: Frontier) -> None:
        self.part = part
        self.frontier = frontier
        self.returned = 0
        """Operations placed so far."""

    def run(self, kinds: list[int]) -> int | None:
        """The row of the operation at whose return no configuration was left; None if some are left in the end."""
        rets, frontier = self.part.ret.tolist(), self.frontier
        for row, is_return in events(self.part):
            if rets[row] == PENDING:
                frontier.call_pending(row, kinds[row])
            elif not is_return:
                frontier.call(row, kinds[row], rets[row])
            elif frontier.ret(row):
                self.returned += 1
            else:
                return row
        return None


def events(part: History) -> Iterator[tuple[int, bool]]:
    """(row, whether it returns) in order of time; at equal times calls stand before returns."""
    ended = np.flatnonzero(part.ret != PENDING)
    rows = np.concatenate((np.arange(len(part)), ended))
    returns = np.concatenate((np.zeros(len(part), dtype=np.int64), np.ones(len(ended), dtype=np.int64)))
    order = np.lexsort((rows, returns, np.concatenate((part.call, part.ret[ended]))))
    return zip(rows[order].tolist(), (returns[order] == 1).tolist(), strict=True)


def _kinds(part: History, steps: Steps) -> list[int]:
    """Per row, what the operation did: equal name, key, input, output and status are one kind."""
    known: dict[tuple[int, ...], int] = {}
    kinds: list[int] = []
    columns = (part.f, part.key, part.input, part.output, part.status)
    for row, codes in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        kind = known.get(codes)
        if kind is None:
            kind = known[codes] = steps.kind(part[row])
        kinds.append(kind)
    return kinds


def _prefix(part: History, row: int, frontier: Frontier) -> tuple[int, ...]:
    """Rows of everything that was called before the operations live at the return of `row` had all returned."""
    end = max([int(part.ret[row]), *(ret for _, _, ret in frontier.live.values())])
    return tuple(int(row) for row in np.flatnonzero(part.call <= end))
