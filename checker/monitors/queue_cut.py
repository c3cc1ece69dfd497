"""Fewer operations of a queue with repeated values that still have no order, as `Queue.without` lets others go.

*Values*, each with all operations that inserted or took it: a refuted history has a refuted pair of values more often
than not. *A beginning* of as many enqueues as dequeues: the later it ends, the less is left, until too much may have
gone with it. *Enqueues that come too late* for any dequeue that is left. Then whatever else is not needed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

from checker.history import PENDING, Operation, identity
from checker.models.bags import PEEK, Queue
from checker.monitors.thinning import without_needless

VALUES_MAX = 12
"""So many values are tried beside the one that fits nowhere: those inserted last before it was taken."""

PAIRED_MAX = 8
"""Of so many values each two are tried."""

MORE = 16
"""So many later ends of a beginning are tried than the one that a bisection finds."""

_PENDING_TAKE: Any = ("pending",)

_QUEUE = Queue()

Refute = Callable[[Sequence[Operation]], bool]
"""Whether these operations have no order; False also where that would take too long."""


def fewer(ops: Sequence[Operation], late: Operation, refute: Refute) -> list[Operation]:
    """Some of the refuted operations that have no order either; all of them, if nothing may go. `late` fits nowhere."""
    whole = _Cut(ops, refute, late)
    few = next((few for few in _of_few_values(ops, late) if whole.refuted(few)), list(ops))
    cut = _Cut(few, refute, late)  # all other values went as a whole
    few = cut.without_beginning(few)
    return without_needless(few, few, cut.refuted)


class _Cut:
    def __init__(self, ops: Sequence[Operation], refute: Refute, late: Operation) -> None:
        self.ops = ops
        self.refute = refute
        self.late = late

    def refuted(self, kept: Sequence[Operation]) -> bool:
        """Whether these have no order, without all others. The one that fits nowhere stays: it says until when."""
        staying = {op.index for op in kept}
        if self.late.index not in staying:
            return False
        left = _QUEUE.without([op for op in self.ops if op.index not in staying], kept)
        return left is not None and self.refute(left)

    def without_beginning(self, ops: list[Operation]) -> list[Operation]:
        """Without the longest beginning that is not needed: what is refuted without a longer one is without a
        shorter, mostly."""
        sides = [[op for op in ops if _side(op) == side] for side in ("enqueue", "dequeue")]
        calls = [sorted(op.call for op in side) for side in sides]
        firsts = [
            sorted((bisect_right(called, op.ret), op.index) for op in side if op.ret != PENDING)
            for side, called in zip(sides, calls, strict=True)
        ]
        low, high, few = 0, min(map(len, firsts)), ops

        def left(count: int) -> list[Operation]:
            gone = {index for side in firsts for _, index in side[:count]}
            return _in_time([op for op in ops if op.index not in gone])

        while low < high:
            middle = (low + high + 1) // 2
            if self.refuted(rest := left(middle)):
                low, few = middle, rest
            else:
                high = middle - 1
        for count in range(low + 1, min(low + 1 + MORE, *map(len, firsts))):  # a later one may do all the same
            few = rest if self.refuted(rest := left(count)) else few
        return few


def _of_few_values(ops: Sequence[Operation], late: Operation) -> Iterator[list[Operation]]:
    """The operations of the late value alone, then of it and one other. Dequeues that found nothing count as of one
    value."""
    own = _value(late)
    puts = sorted((op for op in ops if op.f == "enqueue"), key=lambda op: op.call, reverse=True)
    for other in list(dict.fromkeys([own, *map(_value, puts)]))[: 1 + VALUES_MAX]:
        yield [op for op in ops if _value(op) in (own, other, _PENDING_TAKE)]


def of_two_values(ops: Sequence[Operation]) -> Iterator[list[Operation]]:
    """The operations of each two of a few values; none if there are more."""
    values = list(dict.fromkeys(_value(op) for op in ops if op.f == "enqueue"))
    for one, other in combinations(values, 2) if len(values) <= PAIRED_MAX else ():
        yield [op for op in ops if _value(op) in (one, other, _PENDING_TAKE)]


def _in_time(ops: list[Operation]) -> list[Operation]:
    """Without enqueues that come too late for any dequeue."""
    takes = sum(_side(op) == "dequeue" for op in ops)
    ended = sorted(op.ret for op in ops if op.f == "enqueue")[: takes + 1]
    return ops if len(ended) <= takes else [op for op in ops if op.f != "enqueue" or op.call <= ended[-1]]


def _side(op: Operation) -> str | None:
    """The name of the operation, if it puts a value in or may take one."""
    moves = op.f == "enqueue" or (op.f == "dequeue" and (op.pending or op.output is not None))
    return op.f if moves else None


def _value(op: Operation) -> Any:
    if op.f == "enqueue":
        return identity(op.input)
    if op.pending and op.f != PEEK:
        return _PENDING_TAKE
    return None if op.output is None else identity(op.output)
