"""Registers: one value that is read, written, and perhaps compared and set. They are empty (None) at first, unless an
initial value is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from msgspec import structs

from checker.history import Operation, freeze, identity
from checker.model import Inconsistent, Model, State
from checker.values import show


class Register(Model):
    """A register with read and write."""

    name: ClassVar[str] = "register"
    summary: ClassVar[str] = "one value per key: read, write"
    operations: ClassVar[frozenset[str]] = frozenset({"read", "write"})

    def __init__(self, begins_with: Any = None) -> None:
        """`begins_with`: the value of every register at the beginning; a deleted one is empty (None) all the same."""
        self.begins_with = freeze(begins_with)

    def initial(self) -> State:
        return self.begins_with  # type: ignore[no-any-return]

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        match op.f:
            case "read":
                if op.pending or same(op.output, state):
                    return state
                return Inconsistent(f"read {show(op.output)}, but the register holds {show(state)}")
            case "write":
                return op.input  # type: ignore[no-any-return]
            case "delete":
                return None
            case "cas":
                return self._cas(state, op)
        return Inconsistent(f"a {self.name} has no operation {op.f}")

    def _cas(self, state: State, op: Operation) -> State | Inconsistent:
        old, new = op.input
        held = same(state, old)
        if op.pending:
            return new if held else state
        if held == (op.output is not False):
            return new if held else state
        outcome = "was refused" if held else "succeeded"
        return Inconsistent(f"{outcome} as a cas from {show(old)}, but the register holds {show(state)}")

    def effect_free(self, op: Operation) -> bool:
        return op.f == "read" or (op.f == "cas" and (refused(op) or same(op.input[0], op.input[1])))

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """No dropped operation may have left a value that a kept operation found.

        Then the operation that wrote what a kept one found is kept, and remains the last writer before it. A refused
        cas found any value but one: it needs proof by real time that the last kept writer before it left another.
        """
        effects = [op for op in dropped if not self.effect_free(op)]
        refusals = [op for op in kept if op.f == "cas" and refused(op)]
        return not effects or (
            _unobserved(effects, kept) and all(_stays_refused(op, kept, self.initial()) for op in refusals)
        )

    def may_leave_out_of_window(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """The same; a refused cas may meet its `from` at the beginning, whatever that is."""
        refusals = [op for op in kept if op.f == "cas" and refused(op)]
        return not dropped or (
            _unobserved(dropped, kept) and all(_stays_refused(op, kept, op.input[0]) for op in refusals)
        )

    def canonicalised(self, ops: Sequence[Operation]) -> Sequence[Operation]:
        """Values that no read found and no cas compares with are all the same."""
        known = {identity(value) for value in found(ops)}
        known |= {identity(op.input[0]) for op in ops if op.f == "cas"}
        unseen = [op.f in ("write", "cas") and identity(leaves(op)) not in known for op in ops]
        if not any(unseen):
            return ops
        return [_canonicalised(op) if alike else op for op, alike in zip(ops, unseen, strict=True)]

    def weakened(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation]:
        """A cas from a value that a dropped operation left counts as a write of its new value.

        It left that value if it succeeded, and a pending write may happen or not, as the pending cas.
        """
        left = {identity(leaves(op)) for op in dropped if not self.effect_free(op)}
        return [
            structs.replace(op, f="write", input=op.input[1], output=None)
            if op.f == "cas" and not self.effect_free(op) and identity(op.input[0]) in left
            else op
            for op in kept
        ]


class CasRegister(Register):
    """A register with read, write and compare-and-set."""

    name: ClassVar[str] = "cas-register"
    summary: ClassVar[str] = "one value per key: read, write, cas (compare and set)"
    operations: ClassVar[frozenset[str]] = frozenset({"read", "write", "cas"})


UNSEEN: Any = object()
"""Stands for values that no operation found; no history contains it."""


def _canonicalised(op: Operation) -> Operation:
    return structs.replace(op, input=UNSEEN if op.f == "write" else (op.input[0], UNSEEN))


def same(a: Any, b: Any) -> bool:
    """Equality of values in a history: unlike in Python, True is not 1."""
    return bool(identity(a) == identity(b))


def refused(op: Operation) -> bool:
    """A cas that answered: the register does not hold `from`."""
    return not op.pending and op.output is False


def leaves(op: Operation) -> Any:
    """The value that a write, delete or successful cas leaves."""
    return op.input[1] if op.f == "cas" else op.input if op.f == "write" else None


def found(ops: Iterable[Operation]) -> Iterator[Any]:
    """The values that these operations found, or (pending cas) must find to have any effect."""
    for op in ops:
        if op.f == "read" and not op.pending:
            yield op.output
        elif op.f == "cas" and not refused(op):
            yield op.input[0]


def _unobserved(effects: Sequence[Operation], kept: Sequence[Operation]) -> bool:
    """Whether no kept operation found a value that one of these left."""
    left = {identity(leaves(op)) for op in effects}
    return not any(identity(value) in left for value in found(kept))


def _stays_refused(cas: Operation, kept: Sequence[Operation], begins_with: Any) -> bool:
    """True if in every order of the kept operations the last writer before this refused cas left another value.

    An operation that certainly left another value must lie, in real time, between it and each writer of its `from`.
    """
    old = cas.input[0]
    effects = [op for op in kept if op.f in ("write", "delete") or (op.f == "cas" and not refused(op))]
    others = [op for op in effects if not op.pending and not same(leaves(op), old) and op.ret < cas.call]
    latest = max((op.call for op in others), default=None)
    writers = [op for op in effects if same(leaves(op), old) and op.call <= cas.ret]
    if same(old, begins_with) and latest is None:
        return False
    return not writers or (latest is not None and all(op.ret < latest for op in writers))
