"""The sandwich: an answer for most histories that zones almost fit.

*Refused cas.* "The register did not hold a" says that it held any one of the other values: a disjunction, which zones
cannot express. It changes nothing, so leaving it out keeps every legal history legal: what is illegal without it is
illegal. If the rest is legal, each refused cas is put at the first instant of the witness where the register held
something else; they bound each other only from below, so the first instant is the best one in that witness. Where
there is none, another witness may have one, and the search must say.

*Values written more than once.* A legal history stays legal when a value goes with everything that wrote or found it
(and what a cas made of it, in turn). What remains has unique values; if it is illegal, so is the whole. If it is
legal, nothing is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checker.history import Column, History
from checker.monitors.register_columns import INITIAL, NOTHING, RegisterColumns
from checker.monitors.zones import Ambiguous, Conflict, judge


def without(ops: RegisterColumns, ambiguous: Ambiguous) -> Conflict | None:
    """The conflict that remains when the ambiguous values are left out, or None."""
    gone = set(ambiguous.codes.tolist())
    exchanging = np.flatnonzero((ops.found >= 0) & (ops.left >= 0))
    pairs = list(zip(ops.found[exchanging].tolist(), ops.left[exchanging].tolist(), strict=True))
    size = 0
    while size != len(gone):
        size = len(gone)
        gone |= {left for found, left in pairs if found in gone}
    codes = np.array(sorted(gone), dtype=np.int64)
    kept = np.flatnonzero(~np.isin(ops.found, codes) & ~np.isin(ops.left, codes))
    mask = np.zeros(len(ops), dtype=np.bool_)
    mask[kept] = True
    outcome = judge(ops.only(mask))
    if not isinstance(outcome, Conflict):
        return None
    return Conflict(tuple(int(kept[p]) for p in outcome.positions))


def insert_refused(part: History, ops: RegisterColumns, order: Column, begins_with: Any = None) -> Column | None:
    """The witness, in rows of the part, with every refused cas inserted; None where one finds no place."""
    refused = ops.refused
    lowest, highest = _gaps(ops, order, part.call[refused], part.ret[refused])
    held = _values_held(ops, order)
    # Gaps that hold one value stand together in a witness, so the next other value begins where the run ends.
    run_end = _run_ends(held)
    table = part.tables.value
    first = table.code(begins_with)
    renamed = {first: INITIAL, INITIAL: first}
    codes = [table.code(table.values[code][0]) for code in part.input[refused].tolist()]
    codes = [renamed.get(code, code) for code in codes]
    calls, rets = part.call[refused].tolist(), part.ret[refused].tolist()
    by_ret = np.argsort(part.ret[refused], kind="stable").tolist()
    gaps: list[int] = []
    floor = ended = 0
    for low, high, code, call in zip(lowest.tolist(), highest.tolist(), codes, calls, strict=True):
        while ended < len(by_ret) and rets[by_ret[ended]] < call:
            floor = max(floor, gaps[by_ret[ended]])
            ended += 1
        gap = max(low, floor)
        gap = gap if held[gap] != code else int(run_end[gap])
        if gap > high:
            return None
        gaps.append(gap)
    places = np.concatenate((2 * np.arange(len(order)) + 1, 2 * np.array(gaps, dtype=np.int64)))
    return np.concatenate((ops.row[order], refused))[np.argsort(places, kind="stable")]


def _gaps(ops: RegisterColumns, order: Column, call: Column, ret: Column) -> tuple[Column, Column]:
    """The first and the last gap of the witness (gap i is before its i-th operation) that real time allows."""
    rets, calls = ops.ret[order], ops.call[order]
    by_ret, by_call = np.argsort(rets, kind="stable"), np.argsort(calls, kind="stable")
    after_those = np.append(0, np.maximum.accumulate(by_ret) + 1)
    before_those = np.append(np.minimum.accumulate(by_call[::-1])[::-1], len(order))
    lowest = after_those[np.searchsorted(rets[by_ret], call, side="left")]
    highest = before_those[np.searchsorted(calls[by_call], ret, side="right")]
    return lowest, highest


def _values_held(ops: RegisterColumns, order: Column) -> Column:
    """The value held in each gap of the witness: before its first operation, after it, ... after its last."""
    left = np.append(0, ops.left[order])  # gap 0 holds the initial value
    last_write = np.maximum.accumulate(np.where(left != NOTHING, np.arange(len(left)), 0))
    return np.asarray(left[last_write], dtype=np.int64)


def _run_ends(held: Column) -> Column:
    """Per gap, the next gap that holds another value; one more than the number of gaps where there is none."""
    size = len(held)
    changes = np.flatnonzero(held[1:] != held[:-1]) + 1
    return np.append(changes, size + 1)[np.searchsorted(changes, np.arange(size), side="right")]
