"""Containers from which values are taken: queue, unordered queue, stack, priority queue. All start empty.

What may be left out of a proof follows from what a take observes. Values do not hinder each other's order, so some may
go with all their operations. A queue's i-th dequeue takes what its i-th enqueue put in, so the first k of both may go.
What is in a priority queue or an unordered queue depends only on which operations have taken effect, not on their order
("anagram-agnostic data types": PLDI 2026, arXiv 2509.05586), so a beginning may go that leaves nothing behind.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter as Counts
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, ClassVar

from msgspec import structs

from checker.history import BEGINNING, PENDING, Operation, identity
from checker.model import Inconsistent, Model, State
from checker.values import show

PEEK = "peek"

ANYTHING: Any = object()
"""Stands for a value that is not known; no history contains it."""


class Bag(Model):
    """What they share: values go in by `put` and come out by `take`, None if empty. `peek` shows the next one."""

    put: ClassVar[str]
    take: ClassVar[str]

    def initial(self) -> State:
        return ()

    def inserted(self, state: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
        """The state with one more value; the next to be taken stands first."""
        raise NotImplementedError

    def taken(self, state: tuple[Any, ...]) -> tuple[Any, State]:
        """The next value to be taken, and the state after that."""
        return state[0], state[1:]

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, tuple)
        if op.f == self.put:
            return self.inserted(state, op.input)
        takes = op.f == self.take
        did = "took" if takes else "saw"
        if not state:
            empty = op.pending or op.output is None
            return state if empty else Inconsistent(f"{did} {show(op.output)}, but it was empty")
        first, rest = self.taken(state)
        if op.pending or op.output is ANYTHING or first is ANYTHING or identity(op.output) == identity(first):
            return rest if takes else state
        return Inconsistent(f"{did} {show(op.output)}, but {show(first)} was next")

    def effect_free(self, op: Operation) -> bool:
        return op.f == PEEK or (op.f == self.take and not op.pending and op.output is None)

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """A value may go with the operations that inserted and took it, and any peek.

        A pending take may go if it cannot have taken any value that stays: each was taken by an operation that stays.
        """
        if any(op.f == self.take and op.pending for op in dropped):
            puts = Counts(identity(op.input) for op in kept if op.f == self.put)
            takes = Counts(identity(op.output) for op in kept if op.f == self.take and op.ret != PENDING)
            if puts - takes:
                return False
        changing = [op for op in dropped if op.f != PEEK]
        return not set(self.values(changing)) & set(self.values(kept))

    def values(self, ops: Iterable[Operation]) -> Iterable[Hashable]:
        """The values that these operations put in, took or saw, as identities."""
        for op in ops:
            if op.f == self.put:
                yield identity(op.input)
            elif not op.pending and op.output is not None:
                yield identity(op.output)

    def staying(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> list[Operation]:
        """Those of the dropped operations that put in or took a value that stays."""
        values = set(self.values(kept))
        return [op for op in dropped if op.f != PEEK and not values.isdisjoint(self.values([op]))]

    def beside(self, firsts: Sequence[Operation], dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Whether all dropped operations may go but these, as whole values."""
        gone = set(map(id, firsts))
        return Bag.may_leave_out(self, [op for op in dropped if id(op) not in gone], [*kept, *firsts])


class Queue(Bag):
    """First in, first out: enqueue v, dequeue -> v, or None if empty; peek -> the same, and leaves it there."""

    name: ClassVar[str] = "queue"
    summary: ClassVar[str] = "first in, first out: enqueue, dequeue, peek"
    put: ClassVar[str] = "enqueue"
    take: ClassVar[str] = "dequeue"
    operations: ClassVar[frozenset[str]] = frozenset({"enqueue", "dequeue", "peek"})

    def inserted(self, state: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
        return (*state, value)

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """What `without` lets go that leaves no kept operation optional."""
        left = self.without(dropped, kept)
        return left is not None and all(op is before for op, before in zip(left, kept, strict=True))

    def without(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation] | None:
        """Also a beginning, equally many of the first k enqueues and dequeues; and then enqueues that come too late.

        Of the operations of values that stay, one is certainly among the first k of its side if fewer than k others
        may come before it, and certainly not if k others had ended before it began. What is kept and may be either may
        now meet another: such an enqueue puts in ANYTHING, as early as it likes, and such a dequeue takes it. (Order
        those of the first k that stay anew, enqueues first: the i-th enqueue after them still meets the i-th dequeue.)
        A peek, or a dequeue that found nothing, that may have come before the end of the beginning need not be.

        *Too late*: more of the enqueues that stay had ended before it began than dequeues that may take a value stay.
        """
        staying = self.staying(dropped, kept)
        takes = sum(self._moves(op) and op.f == self.take for op in kept)
        late = self._too_late([op for op in staying if op.f == self.put], kept, takes)
        lates = set(map(id, late))
        firsts = [op for op in staying if id(op) not in lates]
        if any(op.ret == PENDING for op in firsts) or not self.beside(staying, dropped, kept):
            return None
        if sum(1 if op.f == self.put else -1 for op in firsts):
            return None
        return self._after(firsts, [*kept, *late])[: len(kept)] if firsts else kept

    def _after(self, firsts: Sequence[Operation], rest: Sequence[Operation]) -> list[Operation]:
        """The rest, as far as it is what it was without these, which are among the first k of their side."""
        puts, takes = (
            _Side([op for op in (*rest, *firsts) if op.f == f and self._moves(op)]) for f in (self.put, self.take)
        )
        k = max((puts if op.f == self.put else takes).latest(op) for op in firsts)
        left: list[Operation] = []
        for op in rest:
            if op.f == self.put:
                first = puts.ended_before(op) < k
                left.append(structs.replace(op, input=ANYTHING, call=BEGINNING) if first else op)
            elif takes.ended_before(op) >= k or (
                not self._moves(op) and op.output is None and puts.ended_before(op) >= k
            ):
                left.append(op)
            elif self._moves(op):
                left.append(op if op.pending else structs.replace(op, output=ANYTHING))
            else:
                left.append(structs.replace(op, ret=PENDING))
        return left

    def _too_late(self, puts: Sequence[Operation], kept: Sequence[Operation], takes: int) -> list[Operation]:
        """Those of some enqueues before which more of the kept ones had certainly ended than so many."""
        ended = sorted(op.ret for op in kept if op.f == self.put)[: takes + 1]
        return [op for op in puts if op.call > ended[-1]] if len(ended) > takes else []

    def _moves(self, op: Operation) -> bool:
        """Whether it puts a value in, or may take one."""
        return op.f == self.put or (op.f == self.take and (op.pending or op.output is not None))


class _Side:
    """The enqueues, or the dequeues that may take a value."""

    def __init__(self, ops: Sequence[Operation]) -> None:
        self._calls = sorted(op.call for op in ops)
        self._rets = sorted(op.ret for op in ops)

    def latest(self, op: Operation) -> int:
        """The latest place that one of them may have, from 1."""
        return bisect_right(self._calls, op.ret)

    def ended_before(self, op: Operation) -> int:
        """How many had ended when an operation began."""
        return bisect_left(self._rets, op.call)


class Counted(Bag):
    """A container whose content is known from which operations have taken effect, in whatever order."""

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Also a beginning that leaves nothing behind, and values that are there too often to matter.

        *Beginning*: for each value that stays, takes and as many inserts, all of which ended before any take or peek
        that stays began: then only inserts came before the last of them, and all is inside later that was inside.

        *Too often*: other inserts, if enough of that value ended before the first operation that stays and may have
        taken or seen it: one for each of these. Whatever is inside less often hinders no operation.
        """
        staying = self.staying(dropped, kept)
        if not self.beside(staying, dropped, kept):
            return False
        takes = [op for op in staying if op.f == self.take]
        observing = min((op.call for op in kept if op.f != self.put), default=PENDING)
        if any(op.ret >= observing for op in takes):
            return False
        taken = Counts(identity(op.output) for op in takes)
        for value, puts in _by_value(op for op in staying if op.f == self.put).items():
            gone = taken.pop(value, 0)
            ended = sum(op.ret < observing for op in puts)
            if gone > ended or (gone < len(puts) and not self._enough(value, kept)):
                return False
        return not taken

    def _enough(self, value: Hashable, kept: Sequence[Operation]) -> bool:
        seeing = [
            op.call
            for op in kept
            if op.f != self.put and ((op.pending and op.f == self.take) or identity(op.output) == value)
        ]
        first = min(seeing, default=PENDING)
        return sum(op.f == self.put and op.ret < first and identity(op.input) == value for op in kept) >= len(seeing)


def _by_value(puts: Iterable[Operation]) -> dict[Hashable, list[Operation]]:
    of: dict[Hashable, list[Operation]] = {}
    for op in puts:
        of.setdefault(identity(op.input), []).append(op)
    return of


class UnorderedQueue(Counted):
    """A queue that promises no order (a multiset): enqueue v, dequeue -> any value inside, or None if empty.

    State: ((value, how many are inside) ..., n): n of them were taken by pending dequeues, and which ones is left open.
    A pending dequeue that took a value enqueued later is one that took effect later, which it may as well have done.
    """

    name: ClassVar[str] = "unordered-queue"
    summary: ClassVar[str] = "a queue without order (a multiset): enqueue, dequeue"
    put: ClassVar[str] = "enqueue"
    take: ClassVar[str] = "dequeue"
    operations: ClassVar[frozenset[str]] = frozenset({"enqueue", "dequeue"})

    def initial(self) -> State:
        return ((), 0)

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, tuple)
        inside, gone = state
        if op.f == self.put:
            return (_counted(inside, op.input, 1, _by_text), gone)
        if op.pending:
            return _unordered(inside, gone + 1) if inside else state
        if op.output is None:
            return state if not inside else Inconsistent("found nothing, but the queue was not empty")
        taken = identity(op.output)
        if all(identity(value) != taken for value, _ in inside):
            return Inconsistent(f"took {show(op.output)}, which was not in the queue")
        return _unordered(_counted(inside, op.output, -1, _by_text), gone)


def _by_text(value: Any) -> str:
    return repr(identity(value))


def _unordered(inside: Inside, gone: int) -> State:
    """The state of an unordered queue: empty, if all that is inside is gone."""
    return ((), 0) if gone >= sum(count for _, count in inside) else (inside, gone)


Inside = tuple[tuple[Any, int], ...]
"""Values, in order, and how often each is inside."""


def _counted(inside: Inside, value: Any, more: int, place: Callable[[Any], Any]) -> Inside:
    """The same with one value inside more or less often."""
    at = bisect_left(inside, place(value), key=lambda entry: place(entry[0]))
    count = more
    rest = at
    if at < len(inside) and identity(inside[at][0]) == identity(value):
        count += inside[at][1]
        rest += 1
    return (*inside[:at], *(((value, count),) if count else ()), *inside[rest:])


class PriorityQueue(Counted):
    """The smallest first: insert v, delete-min -> v, or None if empty; peek -> the same, and leaves it there.

    A value is its own priority. State: (value, how many are inside), the smallest first.
    """

    name: ClassVar[str] = "priority-queue"
    summary: ClassVar[str] = "the smallest first: insert, delete-min, peek"
    put: ClassVar[str] = "insert"
    take: ClassVar[str] = "delete-min"
    operations: ClassVar[frozenset[str]] = frozenset({"insert", "delete-min", "peek"})

    def inserted(self, state: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
        return _counted(state, value, 1, lambda priority: priority)

    def taken(self, state: tuple[Any, ...]) -> tuple[Any, State]:
        first = state[0][0]
        return first, _counted(state, first, -1, lambda priority: priority)


class Stack(Bag):
    """Last in, first out: push v, pop -> v, or None if empty; peek -> the same, and leaves it there."""

    name: ClassVar[str] = "stack"
    summary: ClassVar[str] = "last in, first out: push, pop, peek"
    put: ClassVar[str] = "push"
    take: ClassVar[str] = "pop"
    operations: ClassVar[frozenset[str]] = frozenset({"push", "pop", "peek"})

    def inserted(self, state: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
        return (value, *state)

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Also a beginning after which the stack was empty again: as many pops as pushes of each value that stays, all
        of which ended before the rest began."""
        staying = self.staying(dropped, kept)
        begins = min((op.call for op in kept), default=PENDING)
        if any(op.ret >= begins for op in staying) or not self.beside(staying, dropped, kept):
            return False
        puts = Counts(identity(op.input) for op in staying if op.f == self.put)
        return puts == Counts(identity(op.output) for op in staying if op.f == self.take)
