"""Queues in which values repeat, by pairs of frontiers (after "fixed-parameter tractable linearizability monitoring",
PLDI 2026, arXiv 2509.05586): what is in the queue is no part of the state.

The i-th dequeue takes what the i-th enqueue put in. So both are walked together: a configuration is how far the
enqueues and how far the dequeues have come after equally many of both. How far is a *frontier*: the first return that
is not done, and which live operations are. Of an order in time between an enqueue and a dequeue only this is left: an
enqueue must be able to stand before the dequeue of its value, and a dequeue that found nothing takes place when both
frontiers may be at one instant. Such dequeues go as soon as they fit. A peek is one of the dequeues' side that stands
between an enqueue and the dequeue of its value; it goes as soon as it fits, unless an enqueue had ended before it
began that is not done: a dequeue that finds nothing may have to come first.

Pending enqueues are forced by no return; pending dequeues may take any value. The witness puts each operation at the
earliest instant. The search is exponential in the live operations, not in the values inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from checker.budget import Budget, Meter, OutOfBudget
from checker.history import PENDING, History, Operation, identity
from checker.models.bags import ANYTHING, PEEK, Queue
from checker.monitors import counts
from checker.monitors.queue_cut import fewer, of_two_values
from checker.monitors.thinning import AS_ONE
from checker.shrink import NOT_MINIMAL
from checker.slots import events
from checker.values import show
from checker.verdict import Decision, Explanation

METHOD = "frontiers"

NEVER = 1 << 60
"""A position behind all events."""

CONFIGURATIONS_MAX = 300_000
"""Configurations visited, at most: what needs more is left to the search."""

FIRST, FIRST_EACH = 3_000, 2
"""Configurations of the first walk: so many, and so many more for each operation."""

WHOLE_MAX = 64
"""What has no order and no more operations than these is left to the search."""

FEWER_MIN = 40_000
"""Configurations visited to find a smaller counterexample: twice those of the walk, and so many."""

Next = dict[Any, list[tuple[int, int]]]
"""Per value, (row, frontier after it) of what may come next, in order of return."""

ANY: Any = ("any",)
NOTHING: Any = ("nothing",)
"""What a pending dequeue takes, and what one finds in an empty queue."""


class Move(NamedTuple):
    """An enqueue and the dequeue of its value (rows), with the frontiers after them, and the peeks in between."""

    enqueue: int
    enqueued: int
    dequeue: int
    """-1: none, all that is left are these peeks."""
    dequeued: int
    peeks: tuple[int, ...] = ()


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
        self._next: list[Next | None] = []
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

    def next(self, frontier: int) -> Next:
        """What may come next after a frontier."""
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
    counted = counts.refuted(part, Queue())
    try:
        path, refuted = ([], ops[counted.late]) if counted is not None else _decided(ops, meter)
    except OutOfBudget:
        return None
    if refuted is None:
        return Decision("valid", METHOD, witness=np.array(path, dtype=np.int64), steps=meter.steps)
    if len(part) <= WHOLE_MAX:
        return None  # the search refutes it as well, and makes it small
    more = Meter(replace(budget, steps=FEWER_MIN + 2 * meter.steps, memory_mb=None))

    def refute(some: Sequence[Operation]) -> bool:
        try:
            return _walked(some, more)[1] is not None
        except OutOfBudget:
            return False

    late = refuted
    until = [op if op.ret <= late.ret else structs.replace(op, ret=PENDING) for op in ops if op.call <= late.ret]
    chosen = {op.index for op in fewer(until, late, refute)}
    rows = tuple(row for row, op in enumerate(ops) if op.index in chosen)
    sentence = (
        f"#{late.index} ({late.f} → {show(late.output)}) fits nowhere: no order of the operations before it lets the "
        "queue return this next."
    )
    explanation = Explanation("no-order", sentence, culprit=late.index, notes={late.index: "fits nowhere"})
    reason = None if more.steps < (more.budget.steps or 0) else NOT_MINIMAL
    return Decision("invalid", METHOD, None, rows, explanation, meter.steps, reason)


Answer = tuple[list[int], Operation | None]
"""An order, in rows; or the operation that fits nowhere: what was called until it returns has no order."""


def _decided(ops: Sequence[Operation], meter: Meter) -> Answer:
    """All values together; where that takes long, first any two of a few values. Raises OutOfBudget."""
    try:
        return _walked(ops, meter, FIRST + FIRST_EACH * len(ops))
    except _TooMany:
        pass
    for few in of_two_values(ops):
        try:
            answer = _walked(few, meter, FIRST)
        except _TooMany:
            continue
        if answer[1] is not None:
            return answer
    return _walked(ops, meter)


class _TooMany(OutOfBudget):
    pass


def _walked(ops: Sequence[Operation], meter: Meter, most: int = CONFIGURATIONS_MAX) -> Answer:
    """Decides these operations; those without a return need not happen. Raises OutOfBudget, if it takes more than so
    many configurations _TooMany."""
    call, ret = (np.array([getattr(op, name) for op in ops], dtype=np.int64) for name in ("call", "ret"))
    timeline = list(events(call, ret))
    pairs = _Pairs(list(ops), timeline)
    meter.spend(len(ops) // AS_ONE)
    path = pairs.run(meter, most)
    return (pairs.witness(path), None) if path is not None else ([], ops[timeline[pairs.furthest][0]])


class _Pairs:
    def __init__(self, ops: list[Operation], timeline: list[tuple[int, bool]]) -> None:
        called, returned = [0] * len(ops), [NEVER] * len(ops)
        for position, (row, is_return) in enumerate(timeline):
            (returned if is_return else called)[row] = position
        self.furthest = -1
        """The latest return of a dequeue that some configuration was stopped by."""
        values = [_value(op) for op in ops]
        puts = [row for row, op in enumerate(ops) if op.f == "enqueue"]
        takes = [row for row, op in enumerate(ops) if op.f == "dequeue" or (op.f == PEEK and not op.pending)]
        self.called = called
        self.returned = returned
        self.enqueues = Side(puts, called, returned, values)
        self.dequeues = Side(takes, called, returned, values)

    def run(self, meter: Meter, most: int) -> list[Step] | None:
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
                if len(seen) > most:
                    raise _TooMany("too many configurations", "steps")
                done = self.dequeues.is_done(b)
                stack.append((Step(move, empties), iter(()) if done else self._moves(a, b)))
                if done:
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
        self._note(b)
        return b, tuple(rows)

    def _note(self, b: int) -> None:
        """Notes that the dequeues have come so far."""
        if not self.dequeues.is_done(b):
            self.furthest = max(self.furthest, self.dequeues.until[b])

    def _peeked(self, value: Any, a: int, b: int) -> list[tuple[int, tuple[int, ...]]]:
        """The frontiers of the dequeues that peeks at a value may lead to, with these peeks, while it is the first;
        without what is no loss."""
        reached: list[tuple[int, tuple[int, ...]]] = [(b, ())]
        known = {b}
        without_loss: set[int] = set()
        for at, rows in reached:
            for row, after in _peeks(self.dequeues.next(at), value):
                if self.called[row] < self.enqueues.until[a]:
                    without_loss.add(at)
                if after not in known:
                    known.add(after)
                    reached.append((after, (*rows, row)))
                    self._note(after)
        return [(at, rows) for at, rows in reached if at not in without_loss]

    def _moves(self, a: int, b: int) -> Iterator[Move]:
        """Enqueues that may come next, each with the dequeues that may take its value."""
        enqueues, dequeues = self.enqueues, self.dequeues
        moves: list[Move] = []
        for value, puts in enqueues.next(a).items():
            # Of equal enqueues that begin before the dequeues need one, the first to return goes first: no loss.
            put = next(((row, after) for row, after in puts if enqueues.since[after] < dequeues.until[b]), None)
            if put is None:
                continue
            for at, peeks in self._peeked(value, put[1], b):
                if dequeues.is_done(at):
                    return iter([Move(*put, -1, at, peeks)])
                for equal in _takers(dequeues.next(at), value):
                    for row, after in equal:
                        moves.append(Move(*put, row, after, peeks))
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
                for row in (*step.move.peeks, *([step.move.dequeue] if step.move.dequeue >= 0 else [])):
                    went = max(went, came, self.called[row])
                    placed.append((went, epoch, 1, len(placed), row))
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
        return ANY if op.input is ANYTHING else identity(op.input)
    if op.pending or op.output is ANYTHING:
        return ANY
    value = NOTHING if op.output is None else identity(op.output)
    return (PEEK, value) if op.f == PEEK and value is not NOTHING else value


def _takers(takes: Next, value: Any) -> list[list[tuple[int, int]]]:
    """Of the dequeues that may come next, those that may take a value."""
    if value is not ANY:
        return [takes[taken] for taken in (value, ANY) if taken in takes]
    return [rows for taken, rows in takes.items() if taken is not NOTHING and not _is_peek(taken)]


def _peeks(takes: Next, value: Any) -> list[tuple[int, int]]:
    """Of the peeks that may come next, those that may see a value."""
    if value is not ANY:
        return takes.get((PEEK, value), [])
    return [row for seen, rows in takes.items() if _is_peek(seen) for row in rows]


def _is_peek(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and value[0] == PEEK
