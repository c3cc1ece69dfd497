"""The configurations of a just-in-time search (Lowe, "Testing for linearizability", 2017, section 5): what a system
may look like at one instant, given the calls and returns so far.

A configuration is a state, the set of live operations already linearized in it (a mask over the slots of the
operations that were called and have not returned, so it stays small however long the history is), and how many of the
pending operations it used up. Operations are linearized only when a return forces it. What keeps the set small:

* *Operations that change nothing* are linearized at once, wherever they fit: that loses no possibility.
* *Identical pending operations are counted*, not listed: it does not matter which of them took effect.
* *Dominance*: of two configurations with equal state and mask, one that used up no more of any pending operation can
  do whatever the other can; only the least ones are kept.
* *Identical live operations* are linearized in the order in which they return.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from checker.budget import Meter
from checker.steps import Steps

FIELD = 8
"""Bits per counter of used pending operations: seven and a guard. More identical ones go on in another counter."""
FIELD_MAX = (1 << (FIELD - 1)) - 1

Chain = tuple[int, "Chain"] | None
"""The rows linearized so far, the latest first; configurations share their past."""
Used = tuple[int, int, Chain]
"""Counters of used pending operations in one integer, their sum, and how it came about."""
Configurations = dict[tuple[int, int], list[Used]]
"""(state, mask) -> the least counters."""


class Frontier:
    """All configurations at one instant. Feed it the events in order; `ret` says whether any is left."""

    def __init__(self, steps: Steps, meter: Meter, *, remember: bool = True) -> None:
        """`remember`: keep how each configuration came about, for a witness (memory then grows with the history)."""
        self.steps = steps
        self.meter = meter
        self.remember = remember
        self.configurations: Configurations = {(steps.initial, 0): [(0, 0, None)]}
        self.live: dict[int, tuple[int, int, int]] = {}
        """row -> bit, kind, return time, of the operations called and not returned."""
        self.pending: list[tuple[int, list[int], int]] = []
        """Per counter: the kind, the rows of the pending operations called so far, and the counter (of the same kind)
        to be used up first, or -1."""
        self.reached: tuple[int, ...] = ()
        """States that were possible when the last return was processed."""
        self._counter: dict[int, int] = {}
        self._guards = 0
        self._free: list[int] = []

    def copy(self) -> Frontier:
        """A frontier that goes on from here on its own."""
        twin = Frontier(self.steps, self.meter, remember=self.remember)
        twin.configurations = {key: list(used) for key, used in self.configurations.items()}
        twin.live = dict(self.live)
        twin.pending = [(kind, list(rows), first) for kind, rows, first in self.pending]
        twin._counter = dict(self._counter)
        twin._guards = self._guards
        twin._free = list(self._free)
        return twin

    def rebased(self) -> Frontier:
        """The same frontier on tables of its own, which hold only what it still needs: for endless streams."""
        steps = Steps(self.steps.model)
        twin = Frontier(steps, self.meter, remember=self.remember)
        states = {state: steps.state(self.steps.states[state]) for state, _ in self.configurations}
        twin.configurations = {(states[state], mask): used for (state, mask), used in self.configurations.items()}
        twin.live = {row: (bit, self._moved(kind, steps), ret) for row, (bit, kind, ret) in self.live.items()}
        moved = {kind: self._moved(kind, steps) for kind in dict.fromkeys(kind for kind, _, _ in self.pending)}
        twin.pending = [(moved[kind], rows, first) for kind, rows, first in self.pending]
        twin._counter = {moved[kind]: counter for kind, counter in self._counter.items()}
        twin._guards = self._guards
        twin._free = self._free
        return twin

    def _moved(self, kind: int, steps: Steps) -> int:
        return steps.kind(self.steps.kinds[kind])

    def call(self, row: int, kind: int, ret: int) -> None:
        """An operation that will return is called."""
        bit = self._free.pop() if self._free else 1 << len(self.live)
        self.live[row] = (bit, kind, ret)
        if not self.steps.effect_free[kind]:
            return
        before, self.configurations = self.configurations, {}
        for (state, mask), every in before.items():
            self.meter.spend()
            fits = self.steps.next(kind, state) >= 0
            for used, total, chain in every:
                if fits:
                    self._add(self.configurations, (state, mask | bit), (used, total, self._link(row, chain)))
                else:
                    self._add(self.configurations, (state, mask), (used, total, chain))

    def call_pending(self, row: int, kind: int) -> None:
        """An operation whose end was never seen is called."""
        if self.steps.effect_free[kind]:
            return
        counter = self._counter.get(kind, -1)
        if counter < 0 or len(self.pending[counter][1]) == FIELD_MAX:
            self.pending.append((kind, [], counter))
            counter = self._counter[kind] = len(self.pending) - 1
            self._guards |= 1 << (FIELD * counter + FIELD - 1)
        self.pending[counter][1].append(row)

    def ret(self, row: int) -> bool:
        """An operation returns. False if no configuration survives: the history up to here has no order."""
        bit, kind, _ = self.live.pop(row)
        self._free.append(bit)
        before = self.configurations
        after: Configurations = {}
        seeds: list[tuple[int, int, Used]] = []
        for (state, mask), every in before.items():
            if mask & bit:
                for used in every:
                    self._add(after, (state, mask ^ bit), used)
            else:
                seeds += [(state, mask, used) for used in every]
        if seeds:
            self._linearize(row, kind, bit, seeds, after)
        self.configurations = after
        return bool(after)

    def _linearize(
        self, row: int, kind: int, bit: int, seeds: list[tuple[int, int, Used]], after: Configurations
    ) -> None:
        """Adds to `after` all configurations in which the returning operation was linearized, last of all.

        Fewest used pending operations first, so that what is found later seldom replaces what was found earlier.
        """
        seeds.sort(key=lambda seed: seed[2][1])
        steps, spend = self.steps, self.meter.spend
        others, readers = self._live_by_return()
        waits = not steps.effect_free[kind]
        seen: Configurations = {}
        for state, mask, seed in seeds:
            self._add(seen, (state, mask), seed)
        queue = deque(seeds)
        while queue:
            state, mask, (used, total, chain) = queue.popleft()
            if not any(found[0] == used for found in seen[state, mask]):
                continue  # dominated since it was queued
            spend()
            final = steps.next(kind, state)
            if final >= 0:
                self._add_idle(after, final, mask, (used, total, self._link(row, chain)), readers)
                if not waits:
                    continue
            tried = set()
            for other, other_bit, other_kind in others:
                if mask & other_bit or other_kind in tried:
                    continue
                tried.add(other_kind)
                then = steps.next(other_kind, state)
                if then >= 0:
                    item = self._add_idle(
                        seen, then, mask | other_bit, (used, total, self._link(other, chain)), readers
                    )
                    if item is not None:
                        queue.appendleft(item)
            for counter, (pending_kind, rows, first) in enumerate(self.pending):
                taken = (used >> (FIELD * counter)) & FIELD_MAX
                if taken == len(rows) or (first >= 0 and (used >> (FIELD * first)) & FIELD_MAX != FIELD_MAX):
                    continue
                then = steps.next(pending_kind, state)
                if then >= 0 and then != state:
                    more = (used + (1 << (FIELD * counter)), total + 1, self._link(rows[taken], chain))
                    item = self._add_idle(seen, then, mask, more, readers)
                    if item is not None:
                        queue.append(item)
        self.reached = tuple(dict.fromkeys(state for state, _ in seen))

    def _live_by_return(self) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """(row, bit, kind) of the live operations that change something, and of those that do not."""
        others: list[tuple[int, int, int]] = []
        readers: list[tuple[int, int, int]] = []
        for row, (bit, kind, _) in sorted(self.live.items(), key=lambda item: item[1][2]):
            (readers if self.steps.effect_free[kind] else others).append((row, bit, kind))
        return others, readers

    def _add_idle(
        self, target: Configurations, state: int, mask: int, used: Used, readers: Iterable[tuple[int, int, int]]
    ) -> tuple[int, int, Used] | None:
        """Linearizes what changes nothing and fits this state, then adds the configuration; None if dominated."""
        for row, bit, kind in readers:
            if not mask & bit and self.steps.next(kind, state) >= 0:
                mask |= bit
                used = (used[0], used[1], self._link(row, used[2]))
        return (state, mask, used) if self._add(target, (state, mask), used) else None

    def _add(self, target: Configurations, key: tuple[int, int], used: Used) -> bool:
        """Adds a configuration unless one dominates it; removes those that it dominates."""
        known = target.get(key)
        if known is None:
            target[key] = [used]
            return True
        guards = self._guards
        guarded = used[0] | guards
        for other, _, _ in known:
            if (guarded - other) & guards == guards:
                return False
        known[:] = [item for item in known if ((item[0] | guards) - used[0]) & guards != guards]
        known.append(used)
        return True

    def _link(self, row: int, chain: Chain) -> Chain:
        return (row, chain) if self.remember else None


def rows_in_order(chain: Chain) -> list[int]:
    """The rows of a chain, in the order in which they were linearized."""
    rows = []
    while chain is not None:
        row, chain = chain
        rows.append(row)
    rows.reverse()
    return rows
