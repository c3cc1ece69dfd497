"""Things that only grow: a log with offsets, unique ids, generations."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Sequence
from typing import ClassVar

from msgspec import structs

from checker.history import Operation, identity
from checker.model import Inconsistent, Model, State
from checker.models.register import UNSEEN
from checker.values import show


class Log(Model):
    """A log: append v -> its offset (from 0), read offset -> v, or None where the log has not got to yet."""

    name: ClassVar[str] = "log"
    summary: ClassVar[str] = "a log: append returns the offset, read by offset"
    operations: ClassVar[frozenset[str]] = frozenset({"append", "read"})

    def initial(self) -> State:
        return ()

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, tuple)
        if op.f == "append":
            if op.pending or op.output is None or op.output == len(state):
                return (*state, op.input)
            return Inconsistent(f"appended at offset {op.output}, but the log had {len(state)} records")
        held = state[op.input] if 0 <= op.input < len(state) else None
        if op.pending or identity(op.output) == identity(held):
            return state
        return Inconsistent(f"read {show(op.output)} at offset {op.input}, but there is {show(held)}")

    def effect_free(self, op: Operation) -> bool:
        return op.f == "read"

    def without(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation] | None:
        """Records whose offsets are known go out of the log, and the offsets after them are counted without them.

        The offset of an append is known if it was answered, or if a read shows the value and no other operation
        appended it. None if one is unknown, or if a kept read shows such a record. Values that no read shows are all
        the same.
        """
        appends = [op for op in dropped if op.f == "append"]
        if not appends:
            return kept
        shown = {
            identity(op.output): op.input
            for op in (*dropped, *kept)
            if op.f == "read" and not op.pending and op.output is not None
        }
        times = Counts(identity(op.input) for op in (*dropped, *kept) if op.f == "append")
        gone = set()
        for op in appends:
            value = identity(op.input)
            offset = op.output if not op.pending else shown.get(value) if times[value] == 1 else None
            if type(offset) is not int:
                return None
            gone.add((offset, value))
        offsets = sorted({offset for offset, _ in gone})
        left = []
        for op in kept:
            offset = op.output if op.f == "append" else op.input
            if op.pending or (op.f == "append" and offset is None):
                unseen = op.f == "append" and identity(op.input) not in shown
                left.append(structs.replace(op, input=UNSEEN) if unseen else op)
                continue
            if type(offset) is not int or (op.f == "read" and (offset, identity(op.output)) in gone):
                return None
            moved = offset - bisect_left(offsets, offset)
            left.append(structs.replace(op, output=moved) if op.f == "append" else structs.replace(op, input=moved))
        return left


class Ids(Model):
    """Unique ids: generate -> an id that was never given out before. State: the ids given out."""

    name: ClassVar[str] = "ids"
    summary: ClassVar[str] = "unique ids: generate never repeats one"
    operations: ClassVar[frozenset[str]] = frozenset({"generate"})

    def initial(self) -> State:
        return frozenset()

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, frozenset)
        if op.pending:
            return state
        if identity(op.output) in state:
            return Inconsistent(f"was given the id {show(op.output)}, which had been given out before")
        return state | {identity(op.output)}

    def effect_free(self, op: Operation) -> bool:
        return op.pending

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Always: with fewer ids given out, fewer can be repeated."""
        return True


class Generation(Model):
    """A generation clock: next -> a number larger than every one before. State: the largest so far."""

    name: ClassVar[str] = "generation"
    summary: ClassVar[str] = "generations: next is larger than all before"
    operations: ClassVar[frozenset[str]] = frozenset({"next"})

    def initial(self) -> State:
        return None

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        if op.pending:
            return state
        assert state is None or isinstance(state, int)
        if state is not None and op.output <= state:
            return Inconsistent(f"was given generation {op.output}, but {state} had been given out before")
        return int(op.output)

    def effect_free(self, op: Operation) -> bool:
        return op.pending

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Always: what is left of a growing sequence grows."""
        return True
