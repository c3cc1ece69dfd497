"""Several registers that transactions read and write together (Knossos' multi-register)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from checker.history import Operation, freeze, identity
from checker.model import Inconsistent, Model, State
from checker.models.register import same
from checker.values import show, shown

READS, WRITES = frozenset({"r", "read"}), frozenset({"w", "write"})
"""Names of micro-operations."""

Micro = tuple[str, Any, Any]


class MultiRegister(Model):
    """Registers by name. An operation is a list of [f, register, value], executed as one: reads see earlier writes of
    the list. State: the registers that do not hold the initial value, as a frozen set of (identity, value) pairs.

    What a transaction did is its output where known, else its input.
    """

    name: ClassVar[str] = "multi-register"
    summary: ClassVar[str] = "several registers: transactions of [r|w, register, value], linearizable"
    operations: ClassVar[frozenset[str]] = frozenset({"txn"})

    def __init__(self, begins_with: Any = None) -> None:
        """`begins_with`: the value of every register at the beginning."""
        self.begins_with = freeze(begins_with)

    def initial(self) -> State:
        return ()

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, tuple)
        held = {name: (register, value) for name, register, value in state}
        for f, register, value in micros(op):
            name = identity(register)
            now = held[name][1] if name in held else self.begins_with
            if f in WRITES:
                held[name] = (register, value)
            elif not op.pending and not same(value, now):
                return Inconsistent(f"read {show(value)} of {show(register)}, but it holds {show(now)}")
        changed = ((name, *pair) for name, pair in held.items() if not same(pair[1], self.begins_with))
        return tuple(sorted(changed, key=lambda entry: repr(entry[0])))

    def effect_free(self, op: Operation) -> bool:
        return not any(f in WRITES for f, _, _ in micros(op))

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """No dropped operation may have written a value that a kept operation found: then the last writer before it
        is kept."""
        found = {
            (identity(register), identity(value))
            for op in kept
            if not op.pending
            for f, register, value in micros(op)
            if f in READS
        }
        return not any(
            (identity(register), identity(value)) in found
            for op in dropped
            for f, register, value in micros(op)
            if f in WRITES
        )


def micros(op: Operation) -> Iterator[Micro]:
    """What a transaction did, one [f, register, value] after another. Raises ValueError for anything else."""
    listed = op.output if not op.pending and op.output is not None else op.input
    for micro in listed or ():
        if not isinstance(micro, tuple) or len(micro) != 3 or micro[0] not in READS | WRITES:
            raise ValueError(f"#{op.index}: {shown(micro)} is not [r|w, register, value]")
        yield micro
