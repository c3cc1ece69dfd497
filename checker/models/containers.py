"""Containers: set, append list, counter. All start empty (the counter at 0)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

from msgspec import structs

from checker.history import BEGINNING, PENDING, Operation, identity
from checker.model import Inconsistent, Model, State
from checker.values import show


class SetModel(Model):
    """A set: add x, remove x, contains x -> bool, read -> all elements."""

    name: ClassVar[str] = "set"
    summary: ClassVar[str] = "a set: add, remove, contains, read of all elements"
    operations: ClassVar[frozenset[str]] = frozenset({"add", "remove", "contains", "read"})

    def initial(self) -> State:
        return frozenset()

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, frozenset)
        if op.f == "read":
            if op.pending or frozenset(map(identity, op.output or ())) == state:
                return state
            return Inconsistent(
                f"read {len(op.output or ())} elements, but the set holds {len(state)}, or different ones"
            )
        element = identity(op.input)
        if op.f == "contains":
            if op.pending or op.output == (element in state):
                return state
            held = "holds" if element in state else "does not hold"
            return Inconsistent(f"returned {show(op.output)} for {show(op.input)}, but the set {held} it")
        return state | {element} if op.f == "add" else state - {element}

    def effect_free(self, op: Operation) -> bool:
        return op.f in ("contains", "read")

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Elements do not influence each other; a read of all of them observes every one."""
        asked = {identity(op.input) for op in kept if op.f != "read"}
        reads = any(op.f == "read" for op in kept)
        changed = self._changes(dropped)
        return all(_stand_in(x, changed[x], kept) == [] for x in changed if reads or x in asked)

    def without(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation] | None:
        """Elements do not influence each other: those that dropped operations added go out of all reads.

        None if a kept operation asked for such an element, and may depend on what was dropped, or nothing is left:
        that would be no proof.
        """
        named = {identity(op.input) for op in kept if op.f != "read"}
        shown = {identity(item) for op in kept if op.f == "read" for item in op.output or ()}
        gone, more = set[Hashable](), list[Operation]()
        for element, changes in self._changes(dropped).items():
            if element not in named and any(op.f == "add" for op in changes):
                gone.add(element)
            elif element in named or element in shown:
                instead = _stand_in(element, changes, kept)
                if instead is None:
                    return None
                more += instead
        if shown and not named and shown <= gone:
            return None
        return [*_less(gone, kept), *more]

    def _changes(self, ops: Sequence[Operation]) -> dict[Hashable, list[Operation]]:
        """The adds and removes of each element."""
        changes: dict[Hashable, list[Operation]] = {}
        for op in ops:
            if not self.effect_free(op):
                changes.setdefault(identity(op.input), []).append(op)
        return changes


def _stand_in(element: Hashable, dropped: Sequence[Operation], kept: Sequence[Operation]) -> list[Operation] | None:
    """Operations that may replace dropped adds and removes of an element, so that what was legal stays so; None if
    unknown.

    *One add at most, and kept.* Then one remove at most changes anything, and none that ended before an operation began
    to find the element there. One pending remove, called when the earliest of them was, may replace all of them.

    *A new beginning*: a kept add or remove that was called when all dropped ones had ended, such that every other kept
    operation was called after it, or is pending, or was under way and requires the same state. It may be taken to come
    first.
    """
    own = [(op, present) for op in kept if (present := _requires(element, op)) is not None]
    if all(op.f == "remove" for op in dropped) and sum(op.f == "add" for op, _ in own) <= 1:
        there = max(
            (op.call for op, present in own if present and (op.f == "add" or op.ret != PENDING)), default=BEGINNING
        )
        others = [op for op in dropped if op.ret >= there]
        if not others:
            return []
        first = min(others, key=lambda op: op.call)
        return [structs.replace(first, output=None, ret=PENDING, status="info")]
    ended = max(op.ret for op in dropped)
    for first, required in own:
        begins = first.f in ("add", "remove") and not first.pending and ended < first.call
        if begins and all(
            op.pending or op.call > first.ret or (present == required and op.ret >= first.call) for op, present in own
        ):
            return []
    return None


def _requires(element: Hashable, op: Operation) -> bool | None:
    """Whether an operation needs (or makes) the element to be there, or not; None if it has nothing to do with it."""
    if op.f == "read":
        return None if op.pending else element in set(map(identity, op.output or ()))
    if identity(op.input) != element or (op.f == "contains" and op.pending):
        return None
    return op.f == "add" if op.f in ("add", "remove") else bool(op.output)


def _less(gone: set[Any], kept: Sequence[Operation]) -> list[Operation]:
    """The operations that are kept, where reads of all elements do not show those that are gone (by identity)."""
    return [
        structs.replace(op, output=tuple(item for item in op.output or () if identity(item) not in gone))
        if op.f == "read" and not op.pending
        else op
        for op in kept
    ]


class AppendList(Model):
    """A list that is appended to and read as a whole."""

    name: ClassVar[str] = "append-list"
    summary: ClassVar[str] = "a list per key: append, read of the whole list"
    operations: ClassVar[frozenset[str]] = frozenset({"append", "read"})

    def initial(self) -> State:
        return ()

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, tuple)
        if op.f == "append":
            return (*state, op.input)
        if op.pending or identity(tuple(op.output or ())) == identity(state):
            return state
        return Inconsistent(f"read {show(op.output)}, but the list is {show(state)}")

    def effect_free(self, op: Operation) -> bool:
        return op.f == "read"

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """What no kept read shows came after all of them, or never."""
        shown = {identity(item) for op in kept if op.f == "read" and not op.pending for item in op.output or ()}
        return all(op.f == "read" or identity(op.input) not in shown for op in dropped)

    def without(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation] | None:
        """The elements that dropped operations appended go out of all reads: the others stay in their order.

        None if such an element was also appended by a kept operation.
        """
        gone = {identity(op.input) for op in dropped if op.f == "append"}
        if any(op.f == "append" and identity(op.input) in gone for op in kept):
            return None
        return _less(gone, kept)


class Counter(Model):
    """A counter: add d, read."""

    name: ClassVar[str] = "counter"
    summary: ClassVar[str] = "a counter: add, read"
    operations: ClassVar[frozenset[str]] = frozenset({"add", "read"})

    def initial(self) -> State:
        return 0

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, int)
        if op.f == "add":
            return state + int(op.input)
        if op.pending or (op.output or 0) == state:
            return state
        return Inconsistent(f"read {show(op.output)}, but the counter is at {state}")

    def without(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation] | None:
        """What was certainly added before a read is taken from what it read; None if that is not certain.

        An add is certain not to count where it was called after the read had returned.
        """
        reads = [op for op in kept if op.f == "read" and not op.pending]
        less = dict.fromkeys((op.index for op in reads), 0)
        for add in dropped:
            if add.f == "add":
                for read in reads:
                    if add.ret < read.call:
                        less[read.index] += int(add.input)
                    elif add.call <= read.ret:
                        return None
        return [
            structs.replace(op, output=(op.output or 0) - less[op.index]) if op.index in less else op for op in kept
        ]

    def effect_free(self, op: Operation) -> bool:
        return op.f == "read" or op.input == 0
