"""Queues in which values repeat, by pairs of frontiers (after "fixed-parameter tractable linearizability monitoring",
PLDI 2026, arXiv 2509.05586): what is in the queue is no part of the state.

The i-th dequeue takes what the i-th enqueue put in. So both are walked together: a configuration is how far the
enqueues and how far the dequeues have come after equally many of both. How far is a *frontier*: the first return that
is not done, and which live operations are. Of an order in time between an enqueue and a dequeue only this is left: an
enqueue must be able to stand before the dequeue of its value, and a dequeue that found nothing takes place when both
frontiers may be at one instant. Such dequeues go as soon as they fit.

Pending enqueues are forced by no return; pending dequeues may take any value. The witness puts each operation at the
earliest instant. The search is exponential in the live operations, not in the values inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from checker.budget import Budget, Meter, OutOfBudget
from checker.history import PENDING, History, Operation, identity
from checker.monitors.queue_cut import Refuted, fewer
from checker.shrink import NOT_MINIMAL
from checker.slots import events
from checker.values import show
from checker.verdict import Decision, Explanation

METHOD = "frontiers"

NEVER = 1 << 60
"""A position behind all events."""

CONFIGURATIONS_MAX = 300_000
"""Configurations visited, at most: what needs more is left to the search."""

WHOLE_MAX = 64
"""What has no order and no more operations than these is left to the search."""

FEWER_MIN = 40_000
"""Configurations visited to find a smaller counterexample: twice those of the walk, and so many."""

AS_ONE = 8
"""To set up so many operations takes as long as one configuration."""

ANY: Any = ("any",)
NOTHING: Any = ("nothing",)
"""What a pending dequeue takes, and what one finds in an empty queue."""


class Move(NamedTuple):
    """An enqueue and the dequeue of its value (rows), with the frontiers after them."""

    enqueue: int
    enqueued: int
    dequeue: int
    dequeued: int


class Step(NamedTuple):
    """How a configuration was reached: a move (None at the beginning), then dequeues that found nothing."""

    move: Move | None
    empties: tuple[int, ...]


class Side:
    """The frontiers of the enqueues, or of the dequeues, by number. Instants are positions among all events."""

    def __init__(self, rows: list[int], called: list[int], returned: list[int], values: list[Any]) -> None:
        self.called = called
        self.returned = returned
        self.values = values
        self.returns = sorted((row for row in rows if returned[row] != NEVER), key=returned.__getitem__)
        self.bit: dict[int, int] = {}
        self.live: list[list[int]] = []
        """Per return, and behind the last one: the rows called by then that have not returned, in order of return."""
        self.since: list[int] = []
        """Per frontier: the latest call of what is done."""
        self.until: list[int] = []
        """Per frontier: the first return of what is not done."""
        self._places: list[tuple[int, int]] = []
        self._numbers: dict[tuple[int, int], int] = {}
        self._next: list[dict[Any, list[tuple[int, int]]] | None] = []
        self._walk(rows)
        self.first = self._frontier(0, 0, -1)

    def _walk(self, rows: list[int]) -> None:
        timeline = [(self.called[row], False, row) for row in rows]
        timeline += [(self.returned[row], True, row) for row in self.returns]
        free: list[int] = []
        live: list[int] = []
        for _, is_return, row in sorted(timeline):
            if is_return:
                self.live.append(sorted(live, key=self._by_return))
                live.remove(row)
                heappush(free, self.bit[row])
            else:
                self.bit[row] = heappop(free) if free else 1 << len(live)
                live.append(row)
        self.live.append(sorted(live, key=self._by_return))

    def _by_return(self, row: int) -> tuple[int, int]:
        return self.returned[row], self.called[row]

    def _frontier(self, number: int, mask: int, since: int) -> int:
        while number < len(self.returns) and mask & self.bit[self.returns[number]]:
            mask ^= self.bit[self.returns[number]]
            number += 1
        known = self._numbers.get((number, mask))
        if known is None:
            known = self._numbers[number, mask] = len(self._places)
            self._places.append((number, mask))
            self.since.append(since)
            self.until.append(self.returned[self.returns[number]] if number < len(self.returns) else NEVER)
            self._next.append(None)
        return known

    def next(self, frontier: int) -> dict[Any, list[tuple[int, int]]]:
        """Per value, (row, frontier after it) of what may come next, in order of return."""
        known = self._next[frontier]
        if known is None:
            known = self._next[frontier] = {}
            number, mask = self._places[frontier]
            for row in self.live[number]:
                if not mask & self.bit[row]:
                    since = max(self.since[frontier], self.called[row])
                    after = self._frontier(number, mask | self.bit[row], since)
                    known.setdefault(self.values[row], []).append((row, after))
        return known

    def is_done(self, frontier: int) -> bool:
        """Whether all that returned is done."""
        return self._places[frontier][0] == len(self.returns)


def decide(part: History, budget: Budget) -> Decision | None:
    """Judges a queue of any values; None if the walk is too long.

    The counterexample of `invalid` is what was called until the dequeue returns that no order gets past, as far as it
    is known to be needed (queue_cut.py).
    """
    ops = list(part)
    meter = Meter(budget)
    rows = list(range(len(ops)))
    try:
        path, refuted = _walked(part, ops, rows, meter)
    except OutOfBudget:
        return None
    if refuted is None:
        return Decision("valid", METHOD, witness=np.array(path, dtype=np.int64), steps=meter.steps)
    if len(part) <= WHOLE_MAX:
        return None  # the search refutes it as well, and makes it small
    more = Meter(replace(budget, steps=FEWER_MIN + 2 * meter.steps, memory_mb=None))

    def refute(rows: list[int], last: int) -> Refuted | None:
        try:
            return _walked(part, ops, rows, more, int(part.ret[last]))[1]
        except OutOfBudget:
            return None

    few = fewer(ops, refuted, refute)
    late = ops[few.late]
    sentence = (
        f"#{late.index} (dequeue → {show(late.output)}) fits nowhere: no order of the operations before it lets the "
        "queue return this next."
    )
    explanation = Explanation("no-order", sentence, culprit=late.index, notes={late.index: "fits nowhere"})
    return Decision("invalid", METHOD, None, tuple(few.rows), explanation, meter.steps, NOT_MINIMAL)


def _walked(
    part: History, ops: list[Operation], rows: list[int], meter: Meter, until: int = PENDING
) -> tuple[list[int], Refuted | None]:
    """An order of these rows of a part; or which of them have none. What returns later than `until` may be missing.

    Raises OutOfBudget.
    """
    ret = part.ret[rows]
    timeline = list(events(part.call[rows], np.where(ret <= until, ret, PENDING)))
    pairs = _Pairs([ops[row] for row in rows], timeline)
    meter.spend(len(rows) // AS_ONE)
    path = pairs.run(meter)
    if path is not None:
        return [rows[at] for at in pairs.witness(path)], None
    called = [row for at, row in enumerate(rows) if pairs.called[at] < pairs.furthest]
    return [], Refuted(called, rows[timeline[pairs.furthest][0]])


class _Pairs:
    def __init__(self, ops: list[Operation], timeline: list[tuple[int, bool]]) -> None:
        called, returned = [0] * len(ops), [NEVER] * len(ops)
        for position, (row, is_return) in enumerate(timeline):
            (returned if is_return else called)[row] = position
        self.furthest = -1
        """The latest return of a dequeue that some configuration was stopped by."""
        values = [_value(op) for op in ops]
        puts = [row for row, op in enumerate(ops) if op.f == "enqueue"]
        takes = [row for row, op in enumerate(ops) if op.f == "dequeue"]
        self.called = called
        self.returned = returned
        self.enqueues = Side(puts, called, returned, values)
        self.dequeues = Side(takes, called, returned, values)

    def run(self, meter: Meter) -> list[Step] | None:
        """How all dequeues were placed; None if they cannot be. Raises OutOfBudget."""
        a = self.enqueues.first
        b, empties = self._emptied(a, self.dequeues.first)
        seen = {(a, b)}
        stack = [(Step(None, empties), self._moves(a, b))]
        if self.dequeues.is_done(b):
            return [stack[0][0]]
        while stack:
            for move in stack[-1][1]:
                a = move.enqueued
                b, empties = self._emptied(a, move.dequeued)
                if (a, b) in seen:
                    continue
                seen.add((a, b))
                meter.spend()
                if len(seen) > CONFIGURATIONS_MAX:
                    raise OutOfBudget("too many configurations", "steps")
                stack.append((Step(move, empties), self._moves(a, b)))
                if self.dequeues.is_done(b):
                    return [step for step, _ in stack]
                break
            else:
                stack.pop()
        return None

    def _emptied(self, a: int, b: int) -> tuple[int, tuple[int, ...]]:
        """The frontier of the dequeues once those that find nothing are done that fit."""
        enqueues, dequeues = self.enqueues, self.dequeues
        rows: list[int] = []
        again = True
        while again:
            again = False
            for row, after in dequeues.next(b).get(NOTHING, ()):
                if dequeues.since[after] < enqueues.until[a] and enqueues.since[a] < dequeues.until[b]:
                    b = after
                    rows.append(row)
                    again = True
                    break
        if not dequeues.is_done(b):
            self.furthest = max(self.furthest, dequeues.until[b])
        return b, tuple(rows)

    def _moves(self, a: int, b: int) -> Iterator[Move]:
        """Enqueues that may come next, each with the dequeues that may take its value."""
        enqueues, dequeues = self.enqueues, self.dequeues
        takes = dequeues.next(b)
        moves: list[Move] = []
        for value, puts in enqueues.next(a).items():
            # Of equal enqueues that begin before the dequeues need one, the first to return goes first: no loss.
            put = next(((row, after) for row, after in puts if enqueues.since[after] < dequeues.until[b]), None)
            if put is None:
                continue
            for equal in (takes.get(value, ()), takes.get(ANY, ())):
                for row, after in equal:
                    moves.append(Move(*put, row, after))
                    if self.called[row] < enqueues.until[a]:
                        break  # likewise, of equal dequeues
        moves.sort(key=lambda move: self.returned[move.enqueue])
        return iter(moves)

    def witness(self, path: list[Step]) -> list[int]:
        """The rows in order: each as early as the walk lets it be."""
        placed: list[tuple[int, int, int, int, int]] = []
        came = went = epoch = 0
        for step in path:
            if step.move is not None:
                came = max(came, self.called[step.move.enqueue])
                placed.append((came, epoch, 0, len(placed), step.move.enqueue))
                went = max(went, came, self.called[step.move.dequeue])
                placed.append((went, epoch, 1, len(placed), step.move.dequeue))
            for row in step.empties:
                went = came = max(came, went, self.called[row])
                placed.append((went, epoch, 2, len(placed), row))
                epoch += 1
        done = {row for *_, row in placed}
        for row in self.enqueues.returns:
            if row not in done:
                came = max(came, self.called[row])
                placed.append((came, epoch, 0, len(placed), row))
        return [row for *_, row in sorted(placed)]


def _value(op: Operation) -> Any:
    if op.f == "enqueue":
        return identity(op.input)
    return ANY if op.pending else NOTHING if op.output is None else identity(op.output)
