"""Key-value stores: each key is a register of its own that may also be deleted, or appended to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
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

    def without(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation] | None:
        """Appended texts go out of all values, if every operation that put them in goes; the rest as always."""
        changing = [op for op in dropped if not self.effect_free(op)]
        others = [op for op in changing if op.f != "append"]
        gone = frozenset(op.input for op in changing if op.f == "append")
        left = _erased(gone, [*others, *kept]) if gone else None
        if left is None:
            return super().without(dropped, kept)
        return super().without(left[: len(others)], left[len(others) :])


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


class _Reader:
    """Values as the sequences of texts that were put in. No text begins another, so there is one way to read them."""

    def __init__(self, texts: frozenset[str]) -> None:
        self.texts = texts
        self.lengths = sorted({len(text) for text in texts})
        self.known: dict[str, list[str]] = {}

    def read(self, value: str) -> list[str]:
        """The texts of a value; last the rest of it, if it goes on otherwise."""
        found = self.known.get(value)
        if found is None:
            found = self.known[value] = []
            at = 0
            while at < len(value):
                pieces = (value[at : at + length] for length in self.lengths)
                text = next((piece for piece in pieces if piece in self.texts), value[at:])
                found.append(text)
                at += len(text)
        return found


@lru_cache(maxsize=1)
def _reader(texts: frozenset[str]) -> _Reader | None:
    """None if a value may be read in more ways than one."""
    if "" in texts or any(longer.startswith(text) for text, longer in pairwise(sorted(texts))):
        return None
    return _Reader(texts)


def _erased(gone: frozenset[Any], ops: Sequence[Operation]) -> list[Operation] | None:
    """The operations on strings from which some texts are gone, that none of them put in.

    Whatever order is legal with the operations that put those in, theirs is legal then: the texts of every value are
    known, and appending to what is left of one leaves what is left of the other. None where texts are ambiguous, or a
    refused cas says what a value was not.
    """
    puts = {op.input if op.f == "append" else leaves(op) for op in ops if op.f != "read"} - {None, ""}
    if not all(isinstance(text, str) for text in gone | puts) or gone & puts or any(map(refused, ops)):
        return None
    if any(op.f == "append" and op.input == "" for op in ops):
        return None
    reader = _reader(gone | puts)
    if reader is None:
        return None

    def rest(value: Any) -> Any:
        return "".join(text for text in reader.read(value) if text not in gone) if isinstance(value, str) else value

    return [
        structs.replace(op, output=rest(op.output))
        if op.f == "read" and not op.pending
        else structs.replace(op, input=(rest(op.input[0]), op.input[1]))
        if op.f == "cas"
        else op
        for op in ops
    ]


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
