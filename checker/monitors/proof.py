"""From two operations in conflict to a counterexample that stands alone, as small as sound steps make it.

Sound steps are: to leave out a read; to leave out a write or cas with all operations that found its value; and to take
a cas as a mere write of its new value, whose origin may then go. So a long chain of cas is cut to the links that
matter.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checker.history import Column
from checker.monitors.register_columns import NOTHING, RegisterColumns
from checker.monitors.zones import Conflict, judge

SHRINK_MAX = 200
"""Longer counterexamples (long chains of cas that all matter) are not shrunk one operation at a time."""


def counterexample(ops: RegisterColumns, conflict: Conflict) -> tuple[int, ...]:
    """Positions of a counterexample: the conflict with the origins of its values, then whatever may go is removed."""
    origins = _Origins(ops)
    whole = list(conflict.positions)
    cut = origins.tops(whole)
    few = _chosen(ops, cut, _close(origins, whole, cut))
    if cut and not isinstance(judge(few[1]), Conflict):  # the whole chain matters, for instance all the way from None
        few = _chosen(ops, [], _close(origins, whole, []))
    return tuple(few[0][p] for p in _shrink(few[1]))


def rows_of(ops: RegisterColumns, positions: tuple[int, ...]) -> tuple[int, ...]:
    """The rows of the part, in order of call."""
    return tuple(int(ops.row[p]) for p in sorted(positions))


class _Origins:
    """Looks up the operations that left or found a value."""

    def __init__(self, ops: RegisterColumns) -> None:
        self.ops = ops
        self.by_left, self.by_found = (np.argsort(column, kind="stable") for column in (ops.left, ops.found))
        self.left, self.found = ops.left[self.by_left], ops.found[self.by_found]

    def writers(self, value: int) -> list[int]:
        """Positions of the operations that may have left a value; none for NOTHING."""
        return self._of(self.left, self.by_left, value)

    def finders(self, value: int) -> list[int]:
        """Positions of the operations that found a value."""
        return self._of(self.found, self.by_found, value)

    def _of(self, values: Column, positions: Column, value: int) -> list[int]:
        if value == NOTHING:
            return []
        first, end = np.searchsorted(values, value), np.searchsorted(values, value, side="right")
        return [int(position) for position in positions[first:end]]

    def tops(self, positions: list[int]) -> list[int]:
        """For each chain that these positions are in, the last cas ahead of all of them (or among them), if its
        origin is known: it may be taken as a write. None for cas that only feed each other."""
        lines: dict[int, list[list[int]]] = {}
        for position in positions:
            line: dict[int, None] = {}
            todo = [position] if self.ops.left[position] >= 0 else self.writers(int(self.ops.found[position]))
            while todo:
                if todo[0] in line:
                    return []
                line[todo[0]] = None
                todo = self.writers(int(self.ops.found[todo[0]]))
            if line:
                lines.setdefault(list(line)[-1], []).append(list(line))
        tops = []
        for several in lines.values():
            common = set(several[0]).intersection(*several[1:])
            top = next(position for position in several[0] if position in common)
            if self.writers(int(self.ops.found[top])):
                tops.append(top)
        return tops


def _chosen(ops: RegisterColumns, cut: list[int], positions: list[int]) -> tuple[list[int], RegisterColumns]:
    """These positions and their columns; those in `cut` are writes."""
    mask = np.zeros(len(ops), dtype=np.bool_)
    mask[positions] = True
    found = ops.found.copy()
    found[cut] = NOTHING
    return positions, replace(ops, found=found).only(mask)


def _close(origins: _Origins, positions: list[int], cut: list[int]) -> list[int]:
    """Adds the writer of every value found and, for pending writers, an operation that proves that they happened."""
    ops = origins.ops
    closed: dict[int, None] = {}
    proven: set[int] = set()
    todo = list(positions)
    while todo:
        position = todo.pop()
        if position not in closed:
            closed[position] = None
            value = int(ops.found[position])
            if value >= 0 and position not in cut:
                todo += origins.writers(value)
                if not ops.pending[position]:
                    proven.add(value)
        if not todo:
            unproven = [int(ops.left[p]) for p in closed if ops.pending[p] and int(ops.left[p]) not in proven]
            proven.update(unproven)
            todo += [p for value in unproven for p in _proof(origins, value)]
    return sorted(closed)


def _proof(origins: _Origins, value: int) -> list[int]:
    """The shortest chain of pending cas from a value to an ok operation which proves that all of them happened."""
    ops = origins.ops
    paths: dict[int, list[int]] = {value: []}
    for reached in (queue := [value]):
        finders = origins.finders(reached)
        sure = [finder for finder in finders if not ops.pending[finder]]
        if sure:
            return [*paths[reached], min(sure, key=lambda finder: int(ops.ret[finder]))]
        for finder in finders:
            further = int(ops.left[finder])
            if further not in paths:
                paths[further] = [*paths[reached], finder]
                queue.append(further)
    return []


def _shrink(ops: RegisterColumns) -> tuple[int, ...]:
    """Drops what can be dropped: a read, or a write or cas whose value no other operation in the set found. Tries first
    whether a cas does as a write."""
    kept = np.ones(len(ops), dtype=np.bool_)
    again = len(ops) <= SHRINK_MAX
    for position in np.flatnonzero((ops.found >= 0) & (ops.left >= 0) & again):
        found = ops.found.copy()
        found[position] = NOTHING
        if (ops.left == ops.found[position]).any() and isinstance(judge(replace(ops, found=found)), Conflict):
            ops = replace(ops, found=found)
    while again:
        again = False
        for position in np.flatnonzero(kept):
            kept[position] = False
            left = ops.left[position]
            if (left >= 0 and (ops.found[kept] == left).any()) or not isinstance(judge(ops.only(kept)), Conflict):
                kept[position] = True
            else:
                again = True
    return tuple(int(position) for position in np.flatnonzero(kept))
