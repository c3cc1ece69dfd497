"""The just-in-time search, for any model: walks the events in order and keeps every configuration that the system may
be in. If none is left after a return, the history has no order, and nothing after that event was needed to know it.

It holds the configurations of one instant only (configurations.py), so it can follow a stream without end.
"""

from __future__ import annotations

import numpy as np

from checker.budget import Meter
from checker.configurations import Frontier, rows_in_order
from checker.history import PENDING, History
from checker.model import Model
from checker.slots import events
from checker.steps import Steps
from checker.verdict import Decision


def decide(part: History, model: Model, meter: Meter) -> Decision:
    """Judges one part (ok and pending operations only) in bounded memory: what the search does last.

    Raises OutOfBudget.
    """
    steps = Steps(model)
    frontier = Frontier(steps, meter)
    walk = Walk(part, frontier)
    refuted_at = walk.run(steps.kinds_of(part))
    if refuted_at is not None:
        end = max([int(part.ret[refuted_at]), *(ret for _, _, ret in frontier.live.values())])
        until = int(part.ret[refuted_at])
        return Decision("invalid", "search", counterexample=called_until(part, end), until=until)
    chain = next(iter(frontier.configurations.values()))[0][2]
    return Decision("valid", "search", witness=np.array(rows_in_order(chain), dtype=np.int64))


def called_until(part: History, end: int) -> tuple[int, ...]:
    """Rows of everything called until an instant."""
    return tuple(np.flatnonzero(part.call <= end).tolist())


class Walk:
    """Feeds the events of a part to a frontier."""

    def __init__(self, part: History, frontier: Frontier) -> None:
        self.part = part
        self.frontier = frontier

    def run(self, kinds: list[int]) -> int | None:
        """The row of the operation at whose return no configuration was left; None if some are left in the end."""
        rets, frontier = self.part.ret.tolist(), self.frontier
        for row, is_return in events(self.part.call, self.part.ret):
            if rets[row] == PENDING:
                frontier.call_pending(row, kinds[row])
            elif not is_return:
                frontier.call(row, kinds[row], rets[row])
            elif not frontier.ret(row):
                return row
        return None
