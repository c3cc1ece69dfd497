"""Fewer operations of a queue with repeated values that still have no order.

Two things may soundly go (`Queue.may_leave_out`). *Values*, each with all operations that inserted or took it: the
others stay in their order. *A beginning*: the i-th dequeue takes what the i-th enqueue put in, so the first k enqueues
may go with the first k dequeues, if each of them ended before any later one of its side began.

A refuted history has a refuted pair of values more often than not, and of two values few operations overlap, so that
such a beginning is found near the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from checker.history import BEGINNING, Operation, identity

VALUES_MAX = 12
"""So many values are tried beside the one that fits nowhere: those inserted last before it was taken."""

_PENDING_TAKE: Any = ("pending",)


@dataclass(frozen=True)
class Refuted:
    """Rows of a part that have no order alone, and the one of them that fits nowhere; they are all that was called
    until that one returned, and what returns later may be missing."""

    rows: list[int]
    late: int


Refute = Callable[[list[int], int], Refuted | None]
"""What of these rows has no order alone, if none returns after this row; None if they have one, or it would take too
long."""


def fewer(ops: Sequence[Operation], refuted: Refuted, refute: Refute) -> Refuted:
    """Some of the refuted rows that have no order either; all of them, if nothing may go."""
    of_few = (refute(rows, refuted.late) for rows in _of_few_values(ops, refuted))
    return _without_beginning(ops, next((few for few in of_few if few is not None), refuted), refute)


def _of_few_values(ops: Sequence[Operation], refuted: Refuted) -> Iterator[list[int]]:
    """The rows of the late value alone, then of it and one other. Dequeues that found nothing count as of one value."""
    late = _value(ops[refuted.late])
    values = {row: _value(ops[row]) for row in refuted.rows}
    puts = [row for row in refuted.rows if ops[row].f == "enqueue"]
    latest = dict.fromkeys(values[row] for row in sorted(puts, key=lambda row: ops[row].call, reverse=True))
    for other in list(dict.fromkeys([late, *latest]))[: 1 + VALUES_MAX]:
        yield [row for row in refuted.rows if values[row] in (late, other, _PENDING_TAKE)]


def _without_beginning(ops: Sequence[Operation], refuted: Refuted, refute: Refute) -> Refuted:
    """Without the longest beginning that is not needed: what is refuted without a longer one is without a shorter."""
    rows = refuted.rows
    puts = sorted((row for row in rows if ops[row].f == "enqueue"), key=lambda row: ops[row].call)
    takes = [row for row in rows if ops[row].f == "dequeue" and _value(ops[row]) is not None]
    takes.sort(key=lambda row: ops[row].call)
    cuts = sorted(_cuts(ops, puts) & _cuts(ops, takes))
    low, high = 0, len(cuts)
    while low < high:
        middle = (low + high) // 2
        gone = {*puts[: cuts[middle]], *takes[: cuts[middle]]}
        ended = max(ops[row].ret for row in gone)
        left = [row for row in rows if row not in gone and (_value(ops[row]) is not None or ops[row].ret > ended)]
        found = refute(left, refuted.late)
        if found is None:
            high = middle
        else:
            refuted, low = found, middle + 1
    return refuted


def _cuts(ops: Sequence[Operation], rows: list[int]) -> set[int]:
    """How many of these rows, in order of call, ended before any of the rest began."""
    cuts: set[int] = set()
    ended = BEGINNING
    for number, row in enumerate(rows):
        if number and ended < ops[row].call:
            cuts.add(number)
        ended = max(ended, ops[row].ret)
    return cuts


def _value(op: Operation) -> Any:
    if op.f == "enqueue":
        return identity(op.input)
    if op.pending:
        return _PENDING_TAKE
    return None if op.output is None else identity(op.output)
