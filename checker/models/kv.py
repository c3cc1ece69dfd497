"""Key-value stores: each key is a register of its own that may also be deleted, or appended to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import structs

from checker.history import Operation
from checker.model import Inconsistent, State
from checker.models.register import Register, found, leaves, refused
from checker.values import show


class KeyValue(Register):
    """A key-value store: read (get), write (put), cas, delete."""

    name: ClassVar[str] = "kv"
    summary: ClassVar[str] = "key-value store: read, write, cas, delete"
    operations: ClassVar[frozenset[str]] = frozenset({"read", "write", "cas", "delete"})


class AppendKeyValue(Register):
    """A key-value store of strings with append. An absent key holds the empty string; it reads as "" or None."""

    name: ClassVar[str] = "kv-append"
    summary: ClassVar[str] = "key-value store of strings: read, write, append, cas, delete"
    operations: ClassVar[frozenset[str]] = frozenset({"read", "write", "append", "cas", "delete"})

    def __init__(self) -> None:
        super().__init__("")

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        if op.f != "append":
            after = super().step(state, _with_strings(op))
            return "" if after is None else after
        if isinstance(state, str) and isinstance(op.input, str):
            return state + op.input
        return Inconsistent(f"append {show(op.input)} to {show(state)}: both must be strings")

    def canonicalised(self, ops: Sequence[Operation]) -> Sequence[Operation]:
        """Every text may show in the value."""
        return ops

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Every operation that is left out must have left a mark that no kept operation found in the value.

        From its effect to the next overwriting, every value bears the mark; so no kept operation found the value then.
        What left the value empty (a delete) has no mark: after it the value is made of appended texts alone, so it may
        be left out if each value found begins with something else.
        """
        effects = [op for op in dropped if not self.effect_free(op)]
        if not effects:
            return True
        if any(op.f == "cas" and refused(op) for op in kept):
            return False
        marks = {op.input if op.f == "append" else leaves(op) or "" for op in effects}
        if not all(isinstance(mark, str) for mark in marks):
            return False
        seen = {_text(value) for value in found(kept)}
        if "" in marks:
            marks.discard("")
            appended = tuple(op.input for op in kept if op.f == "append" and isinstance(op.input, str))
            if any(value == "" or value.startswith(appended) for value in seen):
                return False
        return not any(mark in value for mark in marks for value in seen)

    def may_leave_out_of_window(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Any text may be there at the beginning."""
        return not dropped


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _with_strings(op: Operation) -> Operation:
    """The operation with every None among its values as the empty string."""
    match op.f:
        case "read" if op.output is None:
            return structs.replace(op, output="")
        case "write" if op.input is None:
            return structs.replace(op, input="")
        case "cas" if None in op.input:
            return structs.replace(op, input=tuple("" if value is None else value for value in op.input))
    return op
