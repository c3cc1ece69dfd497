"""Key-value stores: each key is a register of its own that may also be deleted, or appended to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, ClassVar

from msgspec import structs

from checker.history import Operation
from checker.model import Inconsistent, Model, State
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

    def with_fewer_states(self, ops: Iterable[Operation]) -> Model:
        return _Observed(ops)

    def canonicalised(self, ops: Sequence[Operation]) -> Sequence[Operation]:
        """Every text may show in the value. Appends that a later operation certainly found are marked (`OBSERVED`): no
        order in which the text that they leave does not begin a text that was found is legal. `step` does not look at
        the mark; _Observed does, so the search need not go on until that operation returns."""
        first = _first_to_end([op for op in ops if not op.pending and any(True for _ in found([op]))])
        erasers = [op for op in ops if op.f in ("write", "delete") or (op.f == "cas" and not refused(op))]
        calls = sorted(op.call for op in erasers)
        rets = sorted(op.ret for op in erasers)
        return [
            structs.replace(op, output=OBSERVED)
            if op.f == "append"
            and not op.pending
            and (end := first(op.ret)) is not None
            and bisect_right(calls, end) == bisect_left(rets, op.call)  # none overlaps
            else op
            for op in ops
        ]

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


OBSERVED: Any = object()
"""The output of an append that an operation certainly found."""

ELSE: State = object()
"""The state of a text that no operation found."""


class _Observed(AppendKeyValue):
    """Strings, where all that begin no text that an operation found, or compared with, are one state: whatever is
    appended, it stays so, and no read and no cas can have met it."""

    def __init__(self, ops: Iterable[Operation]) -> None:
        super().__init__()
        ops = list(ops)
        compared = [op.input[0] for op in ops if op.f == "cas"]
        self._found = sorted({_text(value) for value in ("", *found(ops), *compared)})

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        if state is not ELSE:
            after = self._merged(super().step(state, op))
            if after is ELSE and op.output is OBSERVED:
                return Inconsistent("appended to a text that was not found")
            return after
        if op.output is OBSERVED:
            return Inconsistent("appended to a text that was not found")
        if op.f == "append":
            return state if isinstance(op.input, str) else super().step("", op)
        if op.f == "cas" and (op.pending or refused(op)):
            return state
        if op.f in ("write", "delete"):
            return self._merged(super().step("", op))
        return Inconsistent(f"{op.f} found a text that was not there")

    def _merged(self, state: State | Inconsistent) -> State | Inconsistent:
        if isinstance(state, Inconsistent) or not isinstance(state, str):
            return state
        at = bisect_left(self._found, state)
        return state if at < len(self._found) and self._found[at].startswith(state) else ELSE


def _first_to_end(finders: Sequence[Operation]) -> Callable[[int], int | None]:
    """A function: of those called after an instant, when does the first one end?"""
    by_call = sorted(finders, key=lambda op: op.call)
    calls = [op.call for op in by_call]
    ends = list(accumulate((op.ret for op in reversed(by_call)), min))[::-1]

    def end(instant: int) -> int | None:
        at = bisect_right(calls, instant)
        return ends[at] if at < len(ends) else None

    return end


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
