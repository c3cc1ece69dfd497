"""From two operations in conflict to a counterexample that stands alone, as small as sound removals make it."""

from __future__ import annotations

import numpy as np

from checker.monitors.register_columns import RegisterColumns
from checker.monitors.zones import Conflict, judge

SHRINK_MAX = 200
"""Longer counterexamples (long chains of cas) are not shrunk one operation at a time."""


def counterexample(ops: RegisterColumns, conflict: Conflict) -> tuple[int, ...]:
    """Positions of a counterexample: the conflict with the origins of its values, then whatever may go is removed."""
    positions = sorted(_close(ops, conflict.positions))
    chosen = np.zeros(len(ops), dtype=np.bool_)
    chosen[positions] = True
    return tuple(positions[p] for p in _shrink(ops.only(chosen)))


def rows_of(ops: RegisterColumns, positions: tuple[int, ...]) -> tuple[int, ...]:
    """The rows of the part, in order of call."""
    return tuple(int(ops.row[p]) for p in sorted(positions))


def _close(ops: RegisterColumns, positions: tuple[int, ...]) -> tuple[int, ...]:
    """Adds the writer of every value found and, for pending writers, somebody who proves that they happened."""
    closed = dict.fromkeys(positions)
    found_by: dict[int, int] = {}
    todo = list(closed)
    while todo:
        position = todo.pop()
        value = int(ops.found[position])
        if value >= 0:
            found_by.setdefault(value, position)
            writers = np.flatnonzero(ops.left == value).tolist()
            fresh = [w for w in writers if w not in closed]
            closed.update(dict.fromkeys(fresh))
            todo += fresh
        if not todo:
            fresh = [p for p in _proofs(ops, closed, found_by) if p not in closed]
            closed.update(dict.fromkeys(fresh))
            todo += fresh
    return tuple(closed)


def _proofs(ops: RegisterColumns, closed: dict[int, None], found_by: dict[int, int]) -> list[int]:
    """For each pending write or cas whose value nobody found so far: the first ok operation that found it, or else
    the pending cas that went on from it."""
    proofs = []
    for position in closed:
        value = int(ops.left[position])
        if ops.pending[position] and value not in found_by:
            observers = np.flatnonzero(ops.found == value)
            sure = observers[~ops.pending[observers]]
            if len(observers):
                proofs.append(int(sure[np.argmin(ops.ret[sure])] if len(sure) else observers[0]))
    return proofs


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
