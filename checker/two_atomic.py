"""2-atomicity: is there an order in which every read returns one of the last two values written? (Golab, Hurwitz and
Li, "On the k-Atomicity-Verification Problem", ICDCS 2013.)"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from checker.found import INITIALLY, Found
from checker.history import BEGINNING, Column
from checker.sessions import rung
from checker.verdict import Rung

STEPS_MAX = 20_000
"""The search gives up after this many writes placed, over all keys."""

State = tuple[int, frozenset[int], int, int]
"""All operations before the first number are placed, and those in the set; then the current and the previous write."""


def two_atomic(found: Found, suspects: Collection[int]) -> Rung:
    """Searches for such an order, key by key, for the keys (codes) that may not be linearizable; a cas must find the
    current value."""
    name = "2-atomic"
    if found.unknown().any():
        return Rung(name, False, "a value that no operation wrote was read")
    lost = found.of_writer(found.since) < _but_one(found)
    if (found.reads & lost).any():
        return rung(name, found, found.reads & lost, "returned a value overwritten twice")
    steps = 0
    for rows in found.by_key():
        if not len(rows) or int(found.key[rows[0]]) not in suspects:
            continue
        search = _Search(found, rows, STEPS_MAX - steps)
        fits = search.run()
        steps += search.steps
        if fits is None:
            return Rung(name, None, f"not decided in {STEPS_MAX:,} steps")
        if not fits:
            return Rung(name, False)
    return Rung(name, True)


def _but_one(found: Found) -> Column:
    """Per operation, the latest call of a write that ended before another write began that ended before it began."""
    nothing = np.full(len(found), BEGINNING)
    before = found.newest_ended(np.where(found.writes, found.call, nothing))
    return found.newest_ended(np.where(found.writes, before, nothing))


@dataclass
class _Search:
    """Depth first over the writes of one key. Reads change nothing, so each is placed as soon as it can be, and a
    write may only push out the previous value when no operation still has to read that."""

    found: Found
    rows: Column
    budget: int
    steps: int = 0

    def __post_init__(self) -> None:
        place = {row: i for i, row in enumerate(self.rows.tolist())}
        self.call = self.found.call[self.rows].tolist()
        self.ret = self.found.ret[self.rows].tolist()
        self.since = self.found.since[self.rows].tolist()
        self.writes = self.found.writes[self.rows].tolist()
        self.reads = self.found.reads[self.rows].tolist()
        self.writer = [place.get(writer, INITIALLY) for writer in self.found.writer[self.rows].tolist()]
        self.readers: dict[int, list[int]] = {}
        for i, writer in enumerate(self.writer):
            if self.reads[i]:
                self.readers.setdefault(writer, []).append(i)

    def run(self) -> bool | None:
        start: State = (0, frozenset(), INITIALLY, INITIALLY)
        stack, seen = [start], {start}
        while stack:
            state = self._read(stack.pop())
            if state[0] == len(self.call):
                return True
            if self.steps >= self.budget:
                return None
            # The value that a client knew first is tried first, so it is pushed on the stack last.
            for i in sorted(self._next(state), key=self.since.__getitem__, reverse=True):
                if self._may_write(i, state):
                    self.steps += 1
                    after = _placed(state, [i])
                    further = (after[0], after[1], i, state[2])
                    if further not in seen:
                        seen.add(further)
                        stack.append(further)
        return False

    def _next(self, state: State) -> list[int]:
        """The operations that real time allows to come next."""
        first, done, _, _ = state
        allowed: list[int] = []
        bound = None
        for i in range(first, len(self.call)):
            if bound is not None and self.call[i] > bound:
                break
            if i not in done:
                allowed.append(i)
                bound = self.ret[i] if bound is None else min(bound, self.ret[i])
        return [i for i in allowed if bound is None or self.call[i] <= bound]

    def _read(self, state: State) -> State:
        """Places every read that can be placed now."""
        while True:
            ready = [i for i in self._next(state) if not self.writes[i] and self.writer[i] in state[2:]]
            if not ready:
                return state
            state = _placed(state, ready)

    def _may_write(self, i: int, state: State) -> bool:
        first, done, current, previous = state
        if not self.writes[i] or (self.reads[i] and self.writer[i] != current):
            return False
        if previous == current:
            return True
        return all(j < first or j in done or j == i for j in self.readers.get(previous, []))


def _placed(state: State, more: list[int]) -> State:
    first, done, current, previous = state
    placed = done | set(more)
    while first in placed:
        placed -= {first}
        first += 1
    return first, placed, current, previous
