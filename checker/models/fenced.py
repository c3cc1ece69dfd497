"""A register behind a fence: a write carries a generation, and is refused once a greater one was handed out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from msgspec import structs

from checker.history import Operation, freeze, identity
from checker.model import Inconsistent, Model, State
from checker.models.register import UNSEEN
from checker.values import show


class FencedRegister(Model):
    """next -> a generation greater than all before; fenced-write (generation, value); read -> value.

    State: (the greatest generation so far, the value). A write under a generation smaller than that must not succeed:
    its client was deposed. One whose outcome is unknown may have got past the fence before, and may show late: the
    fence promises nothing for it, only that it takes effect once.
    """

    name: ClassVar[str] = "fenced-register"
    summary: ClassVar[str] = "a register that only the newest generation may write"
    operations: ClassVar[frozenset[str]] = frozenset({"next", "read", "fenced-write"})

    def __init__(self, begins_with: Any = None) -> None:
        """`begins_with`: the value that the register holds at the beginning."""
        self.begins_with = freeze(begins_with)

    def initial(self) -> State:
        return (None, self.begins_with)

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, tuple)
        greatest, value = state
        if op.f == "read":
            if op.pending or identity(op.output) == identity(value):
                return state
            return Inconsistent(f"read {show(op.output)}, but the register holds {show(value)}")
        if op.f == "next":
            if op.pending:
                return state
            if greatest is not None and op.output <= greatest:
                return Inconsistent(f"was given generation {op.output}, but {greatest} had been given out before")
            return (op.output, value)
        generation, written = op.input
        if op.pending:
            return (greatest, written)
        if greatest is not None and generation < greatest:
            return Inconsistent(f"wrote under generation {generation}, but {greatest} had been given out before")
        return (generation, written)

    def effect_free(self, op: Operation) -> bool:
        return op.f == "read" or (op.f == "next" and op.pending)

    def canonicalised(self, ops: Sequence[Operation]) -> Sequence[Operation]:
        """Values that no read found are all the same, and no operation observes the generation of a write of unknown
        outcome."""
        known = {identity(op.output) for op in ops if op.f == "read" and not op.pending}
        return [_canonicalised(op, known) if op.f == "fenced-write" else op for op in ops]

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Always, unless a kept read shows what a dropped write wrote: no other read and no fence misses it."""
        written = {identity(op.input[1]) for op in dropped if op.f == "fenced-write"}
        return not any(op.f == "read" and not op.pending and identity(op.output) in written for op in kept)


def _canonicalised(op: Operation, known: Collection[Any]) -> Operation:
    generation, value = op.input
    given = (None if op.pending else generation, value if identity(value) in known else UNSEEN)
    return structs.replace(op, input=given)
