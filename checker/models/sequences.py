"""Things that only grow: a log with offsets, unique ids, generations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from checker.history import Operation, identity
from checker.model import Inconsistent, Model, State
from checker.models.register import show


class Log(Model):
    """A log: append v -> its offset (from 0), read offset -> v, or None where the log has not got to yet."""

    name: ClassVar[str] = "log"
    summary: ClassVar[str] = "a log: append answers the offset, read by offset"
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


class Ids(Model):
    """Unique ids: generate -> an id that nobody was given before. State: the ids given out."""

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
            return Inconsistent(f"was given the id {show(op.output)}, which somebody had been given already")
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
