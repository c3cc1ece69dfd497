"""The search, for any model, in rounds: first what finds an easy order, then what refutes, then what is left.

1. The depth-first search, for a few thousand configurations: most valid histories need one or two an operation.
2. The bit-parallel search, which refutes: operations of unknown outcome cost it nothing. With many live operations the
   same with listed configurations (sparse.py).
3. Where such operations matter, the search that counts as few kinds of them as it can (counting.py).
   These and the depth-first search go on in turn, each for ever longer, as far as the memory for configurations is
   allowed.
4. The just-in-time search, in bounded memory, with what is left of the budget.

Time is exponential only in the operations that are live (and, less so, pending) at one instant.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checker import bit_parallel, just_in_time
from checker.alarm import ended_in_time
from checker.bit_parallel import WIDTH_MAX
from checker.budget import Budget, Meter, OutOfBudget
from checker.counting import Counting
from checker.depth_first import DepthFirst
from checker.history import History
from checker.just_in_time import called_until
from checker.model import Model
from checker.slots import Slots
from checker.sparse import Sparse
from checker.steps import Refuted, Steps
from checker.verdict import Decision

METHOD = "search"

FIRST, FIRST_EACH = 3_000, 2
"""Configurations of the first round: so many, and so many more for each operation."""

GROWTH = 8
"""How many times the configurations of a round are those of the round before, where several keys are judged."""

COUNTING = 2
"""How many times the configurations of a round the search that counts has: mostly the order is easy after all."""

DEPTH_FIRST_MAX = 3_000_000
"""Configurations that the depth-first search keeps: some 300 MB."""


def steps_of_round(number: int, operations: int) -> int:
    """Configurations for a key of so many operations in a round; 0 is the first."""
    return (FIRST + FIRST_EACH * operations) * int(GROWTH**number)


def decide(part: History, model: Model, budget: Budget) -> Decision:
    """Judges one part (ok and pending operations only). What never returns may not have happened.

    The counterexample of `invalid` is everything called until those operations returned that were live when the
    last configuration died: sound, but not small. `unknown` says what ran out and how far the search got.
    """
    search = Search(part, model, Meter(budget))
    try:
        with ended_in_time(search.meter.budget):
            return search.decide()
    except OutOfBudget as out:
        return Decision("unknown", METHOD, steps=search.meter.steps, reason=f"{out}: {search.far()}", bound=out.bound)


class Search:
    """The search of one part."""

    def __init__(self, part: History, model: Model, meter: Meter) -> None:
        self.part = part
        self.model = model.with_fewer_states(part)
        self.looks_ahead = self.model is not model
        self.meter = meter
        self.depth_first: DepthFirst | None = None
        self.sparse: Sparse | None = None
        self._far = f"0 of {len(part):,} operations placed"

    def decide(self) -> Decision:
        """Raises OutOfBudget."""
        steps = Steps(self.model, assume=True)
        slots = Slots(self.part.call, self.part.ret, steps.kinds_of(self.part))
        while True:
            try:
                return self._rounds(slots, steps)
            except Refuted:
                continue

    def far(self) -> str:
        """How far it got."""
        search = self.depth_first
        if search is None:
            return self._far
        placed = max(search.deepest, self.sparse.number if self.sparse else 0)
        return (
            f"{placed:,} of {len(self.part):,} operations placed, {len(search.slots.live[placed])} "
            f"live, {search.configurations:,} configurations"
        )

    def _rounds(self, slots: Slots, steps: Steps) -> Decision:
        self.depth_first = search = DepthFirst(slots, steps, self.meter)
        self.sparse = sparse = Sparse(slots, steps, self.meter)
        limit = share = steps_of_round(0, len(self.part))
        outcome = search.run(limit)
        narrow = slots.width <= WIDTH_MAX
        if outcome == "unknown" and narrow:
            refuted_at = bit_parallel.refuted_at(slots, steps, self.meter)
            if refuted_at is not None:
                return self._invalid(slots, refuted_at)
        counting = Counting(slots, steps, self.meter) if slots.pending and outcome == "unknown" else None
        while outcome == "unknown" and limit < DEPTH_FIRST_MAX:
            refuted_at = None if narrow else sparse.run(share)
            if refuted_at is not None:
                return self._invalid(slots, refuted_at)
            if counting is not None:
                outcome = counting.run(COUNTING * limit)
                if outcome == "valid":
                    return self._valid(counting.witness())
                if outcome == "invalid":
                    rows = [row for kind in counting.counted for row in slots.pending[kind][1]]
                    return replace(self._invalid(slots, counting.number), counted=tuple(sorted(rows)))
            limit, share = limit * GROWTH, share * GROWTH**2
            outcome = search.run(min(limit, DEPTH_FIRST_MAX))
        if outcome == "valid":
            return self._valid(search.witness())
        if outcome == "invalid":
            return self._invalid(slots, search.deepest)
        self._far, self.depth_first = self.far(), None  # its configurations make room
        del search, counting
        decision = just_in_time.decide(self.part, self.model, self.meter)
        if decision.outcome == "invalid" and self.looks_ahead:
            return self._all()
        return replace(decision, steps=self.meter.steps)

    def _valid(self, witness: list[int]) -> Decision:
        return Decision("valid", METHOD, witness=np.array(witness, dtype=np.int64), steps=self.meter.steps)

    def _invalid(self, slots: Slots, number: int) -> Decision:
        """No order gets past a return; or, where the model knows what will be found, gets to what was found."""
        if self.looks_ahead:
            return self._all()
        end = int(self.part.ret[slots.live[number]].max())
        until = int(self.part.ret[slots.returns[number]])
        rows = called_until(self.part, end)
        return Decision("invalid", METHOD, counterexample=rows, steps=self.meter.steps, until=until)

    def _all(self) -> Decision:
        """Some of all operations have no order."""
        return Decision("invalid", METHOD, counterexample=tuple(range(len(self.part))), steps=self.meter.steps)
