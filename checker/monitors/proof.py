"""From two operations in conflict to a counterexample that stands alone, as small as sound removals make it."""

from __future__ import annotations

import numpy as np

from checker.monitors.register_columns import RegisterColumns
from checker.monitors.zones import Conflict, judge

SHRINK_MAX = 200
"""Longer counterexamples (long chains of cas) are not shrunk one operation at a time."""


def counterexample(ops: RegisterColumns, conflict: Conflict) -> tuple[int, ...]:
    """Positions of a counterexample: the conflict with the origins of its values, then whatever may go is removed."""
    positions = _close(ops, conflict.positions)
    chosen = np.zeros(len(ops), dtype=np.bool_)
    chosen[positions] = True
    return tuple(positions[p] for p in _shrink(ops.only(chosen)))


def rows_of(ops: RegisterColumns, positions: tuple[int, ...]) -> tuple[int, ...]:
    """The rows of the part, in order of call."""
    return tuple(int(ops.row[p]) for p in sorted(positions))


def _close(ops: RegisterColumns, positions: tuple[int, ...]) -> list[int]:
    """Adds the writer of every value found and, for pending writers, somebody who proves that they happened."""
    closed: dict[int, None] = {}
    proven: set[int] = set()
    todo = list(positions)
    while todo:
        position = todo.pop()
        if position not in closed:
            closed[position] = None
            if ops.found[position] >= 0:
                todo += np.flatnonzero(ops.left == ops.found[position]).tolist()
                if not ops.pending[position]:
                    proven.add(int(ops.found[position]))
        if not todo:
            unproven = [int(ops.left[p]) for p in closed if ops.pending[p] and int(ops.left[p]) not in proven]
            proven.update(unproven)
            todo += [p for value in unproven for p in _proof(ops, value)]
    return sorted(closed)


def _proof(ops: RegisterColumns, value: int) -> list[int]:
    """The shortest chain of pending cas from a value to an ok operation which proves that all of them happened."""
    paths: dict[int, list[int]] = {value: []}
    for reached in (queue := [value]):
        observers = np.flatnonzero(ops.found == reached)
        sure = observers[~ops.pending[observers]]
        if len(sure):
            return [*paths[reached], int(sure[np.argmin(ops.ret[sure])])]
        for observer in observers.tolist():
            further = int(ops.left[observer])
            if further not in paths:
                paths[further] = [*paths[reached], observer]
                queue.append(further)
    return []


def _shrink(ops: RegisterColumns) -> tuple[int, ...]:
    """Drops what can be dropped: a read, or a write or cas whose value nobody else in the set found."""
    kept = np.ones(len(ops), dtype=np.bool_)
    again = len(ops) <= SHRINK_MAX
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
