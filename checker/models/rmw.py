"""A register whose operations read and write at once: swap (get and set) and fetch-add (get and add)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import structs

from checker.history import Operation, freeze, identity
from checker.model import Inconsistent, Model, State
from checker.models.register import same
from checker.values import show


class RmwRegister(Model):
    """A register with read, write, swap v and fetch-add n; the last two return the value before.

    An empty register counts as 0 where something is added to it, and fetch-add may answer either.
    """

    name: ClassVar[str] = "rmw-register"
    summary: ClassVar[str] = "one value per key: read, write, swap and fetch-add (which return the value before)"
    operations: ClassVar[frozenset[str]] = frozenset({"read", "write", "swap", "fetch-add"})

    def __init__(self, begins_with: Any = None) -> None:
        """`begins_with`: the value of every register at the beginning."""
        self.begins_with = freeze(begins_with)

    def initial(self) -> State:
        return self.begins_with  # type: ignore[no-any-return]

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        if op.f == "write":
            return op.input  # type: ignore[no-any-return]
        adds = op.f == "fetch-add"
        if not (op.pending or same(op.output, state) or (adds and state is None and same(op.output, 0))):
            return Inconsistent(f"found {show(op.output)}, but the register holds {show(state)}")
        if op.f == "read":
            return state
        if not adds:
            return op.input  # type: ignore[no-any-return]
        number = 0 if state is None else state
        if type(number) is not int:
            return Inconsistent(f"added {show(op.input)} to {show(state)}, which is no number")
        return number + int(op.input)

    def effect_free(self, op: Operation) -> bool:
        return op.f == "read" or (op.f == "swap" and not op.pending and same(op.output, op.input))

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """No dropped operation may have left a value that a kept one found: then what left it is kept, and remains the
        last before it. What a pending fetch-add left is not known."""
        effects = [op for op in dropped if not self.effect_free(op)]
        if effects and any(op.f == "fetch-add" and op.pending for op in (*effects, *kept)):
            return False
        left = {identity(value) for op in effects for value in _empty_too(leaves(op))}
        return not any(
            identity(value) in left
            for op in kept
            if op.f != "write" and not op.pending
            for value in (_empty_too(op.output) if op.f == "fetch-add" else [op.output])
        )

    def weakened(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation]:
        """What found a value that a dropped operation left counts as a write of what it left itself."""
        left = {
            identity(value)
            for op in dropped
            if not self.effect_free(op) and not (op.f == "fetch-add" and op.pending)
            for value in _empty_too(leaves(op))
        }
        return [
            structs.replace(op, f="write", input=leaves(op), output=None)
            if op.f in ("swap", "fetch-add") and not op.pending and identity(op.output) in left
            else op
            for op in kept
        ]


def leaves(op: Operation) -> Any:
    """The value that a write, swap or finished fetch-add leaves."""
    return op.input if op.f != "fetch-add" else (op.output or 0) + op.input


def _empty_too(value: Any) -> list[Any]:
    """To fetch-add, 0 and an empty register may be the same."""
    return [0, None] if value is None or same(value, 0) else [value]
