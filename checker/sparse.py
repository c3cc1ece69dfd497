"""The search of bit_parallel.py for many live operations: the masks that are possible are listed, in a set.

An operation is linearized only when a return forces it: its own, or the one of an operation before which it is put. So
far fewer configurations are met than by the depth-first search, which refutes the same; but all of one instant are, so
an easy order is not found earlier than a hard one. Memory is bounded by the configurations of one return.

As there, pending operations are not counted: any number of them may happen, any number of times.
"""

from __future__ import annotations

from collections.abc import Sequence

from checker.bit_parallel import STATES_MAX
from checker.budget import Meter
from checker.slots import Slots
from checker.steps import Steps

AT_ONCE_MAX = 400_000
"""Configurations met at one return: some 50 MB. More are left to the depth-first search."""

AS_ONE = 4
"""So many configurations take as long as one of the depth-first search, and count as one step."""

STATE = (1 << 32) - 1
"""The bits of a configuration that hold its state; the mask stands above them."""

Move = tuple[int, int, int, int, int]
"""The slot of an operation (0: pending), the slots of equal operations that return before it, its slot and those that
then fit and change nothing, the state after it, and its row (pending: its counter)."""


class Sparse:
    """A search that may be continued. Raises Refuted if an assumption of `steps` turns out wrong."""

    def __init__(self, slots: Slots, steps: Steps, meter: Meter, starts: Sequence[int] = ()) -> None:
        """`starts`: the states in one of which it begins; the initial one unless given."""
        self.slots = slots
        self.steps = steps
        self.meter = meter
        self.number = 0
        """The first return that it is not past."""
        self.used = 0
        """Steps so far."""
        self._possible = set(starts or [steps.initial])
        for start in self._possible:
            steps.visit(start)
        self._ended = False

    def run(self, limit: int | None = None) -> int | None:
        """The number of a return after which nothing is left, if it finds one in so many steps in all."""
        while self.number < len(self.slots.returns) and not self._ended and (limit is None or self.used < limit):
            before = self.meter.steps
            after = Return(self.slots, self.steps, self.number).passed(self._possible, self.meter)
            self.used += self.meter.steps - before
            if after is None:
                self._ended = True
            elif not after:
                return self.number
            else:
                self._possible = after
                self.number += 1
        return None


class Return:
    """One return, and what may be linearized before it."""

    def __init__(self, slots: Slots, steps: Steps, number: int) -> None:
        self.steps = steps
        self.bit = slots.bits[number]
        live = [(slots.bit[row], slots.kinds[row], row) for row in slots.live[number]]
        self.readers = [(bit, kind) for bit, kind, _ in live if steps.effect_free[kind]]
        self.writers = [(bit, kind, row) for bit, kind, row in live if not steps.effect_free[kind]]
        self.pending = [(kind, counter) for counter, kind, _ in slots.available(number)]
        self._fitting: dict[int, int] = {}

    def passed(self, possible: set[int], meter: Meter) -> set[int] | None:
        """The configurations after it; None if there are too many."""
        bit, moves = self.bit, dict[int, list[Move]]()
        after: set[int] = set()
        seen: set[int] = set()
        for configuration in possible:
            settled = configuration | (self.fitting(configuration & STATE) << 32)
            if settled >> 32 & bit:
                after.add(settled ^ (bit << 32))
            else:
                seen.add(settled)
        meter.spend(1 + len(possible) // AS_ONE)
        todo = list(seen)
        met = 0
        while todo:
            configuration = todo.pop()
            met += 1
            if not met % AS_ONE:
                meter.spend()
            mask, state = configuration >> 32, configuration & STATE
            if state not in moves:
                moves[state] = self.moves(state)
                if len(moves) > STATES_MAX and self.pending:
                    return None
            for slot, earlier, slots, then, _ in moves[state]:
                if mask & slot or mask & earlier != earlier:
                    continue
                linearized = mask | slots
                if linearized & bit:
                    after.add(((linearized ^ bit) << 32) | then)
                elif (reached := (linearized << 32) | then) not in seen:
                    seen.add(reached)
                    todo.append(reached)
            if len(seen) > AT_ONCE_MAX:
                return None
        return after

    def moves(self, state: int) -> list[Move]:
        """What may be linearized next."""
        moves: list[Move] = []
        before: dict[int, int] = {}
        for bit, kind, row in self.writers:
            earlier = before.get(kind, 0)
            before[kind] = earlier | bit
            then = self.steps.next(kind, state)
            if then >= 0:
                moves.append((bit, earlier, bit | self.fitting(then), then, row))
        for kind, counter in self.pending:
            then = self.steps.next(kind, state)
            if then >= 0 and then != state:
                moves.append((0, 0, self.fitting(then), then, counter))
        return moves

    def fitting(self, state: int) -> int:
        """The slots of what fits the state and changes nothing."""
        known = self._fitting.get(state)
        if known is None:
            known = sum(bit for bit, kind in self.readers if self.steps.next(kind, state) >= 0)
            self._fitting[state] = known
        return known
