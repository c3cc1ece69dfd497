"""One register with unique written values, judged event by event in bounded memory.

The theory is that of the zones (monitors/zones.py): a value must be held from the first return of an operation that
wrote or found it (`s`) to the last call of one (`e`). Two values conflict iff each must come before the other:
s_v < e_w and s_w < e_v. While events come, `s` is known once and for all at the first return, and `e` grows only when
a read returns; so that is when a conflict can arise, and the event that completes it is the first that proves it.

What may be forgotten: a read that returns from now on was called at the call of the oldest open read, or later; call
that instant the *horizon*. Values that appeared before it conflict with such a read iff their `e` lies after the `s` of
what it found. Of them all the two with the greatest `e` say it; and a value of which they say it already can never be
found again, so it goes. What stays is what may be the current value, what appeared since the horizon, and writes of
unknown outcome that were not found yet.

Other operations (cas, delete, a value that is written twice) end this: what stays then goes to a frontier
(configurations.py), as a few operations that mean the same for all that comes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from msgspec import structs

from checker.budget import Meter, OutOfBudget
from checker.explain import explain
from checker.history import BEGINNING, PENDING, History, Operation, identity
from checker.models.register import Register
from checker.values import show
from checker.verdict import Explanation

RECENT_MAX = 10_000
"""Values that appear while a read is open. Then nothing waits for that read any longer, and its answer, should it
come, leaves the key undecided."""

_PLAIN = frozenset({int, float, str, type(None)})

Proof = tuple[Operation, Explanation, tuple[Operation, ...]]
"""The operation at whose end no order is left, why, and the operations that prove it."""


class _Held:
    """A value, and when it must have been there."""

    __slots__ = ("e", "first", "last", "old", "s", "writer")

    def __init__(self, writer: Operation | None, s: int, e: int) -> None:
        self.writer = writer
        """None for the initial value."""
        self.s = s
        """PENDING: nothing shows that it was written."""
        self.e = e
        self.first = writer
        """The operation that returned at `s`."""
        self.last = writer
        """The operation that was called at `e`."""
        self.old = False
        """It appeared before the horizon."""

    def operations(self) -> Iterator[Operation]:
        """Those that prove what is said of it."""
        for op in (self.writer, self.first, self.last):
            if op is not None:
                yield op


class OnlineRegister:
    """Takes the calls and ends of operations in order of time, ends after the calls of the same time."""

    def __init__(self, model: Register) -> None:
        self.model = model
        beginning = _Held(None, BEGINNING, BEGINNING)
        beginning.old = True
        self.values: dict[Hashable, _Held] = {_code(model.initial()): beginning}
        """What may be found, or was written and may come to be."""
        self.writing: dict[int, _Held] = {}
        """Of open writes, by index."""
        self.reading: dict[int, Operation] = {}
        """Open reads, in order of call."""
        self.abandoned: set[int] = set()
        self.recent: list[_Held] = []
        """What appeared since the horizon, in this order."""
        self.older: list[_Held] = [beginning]
        """What appeared before it, and may still be found."""
        self.latest: list[_Held] = [beginning]
        """Of all that appeared before it, the (at most) two with the greatest `e`, the greatest first."""
        self.count = 0
        """Operations called so far."""
        self.proof: Proof | None = None
        self.undecided: str | None = None

    def takes(self, op: Operation) -> bool:
        """Whether it can judge a key on which this is called."""
        return self.is_decided or op.f == "read" or (op.f == "write" and _code(op.input) not in self.values)

    @property
    def is_decided(self) -> bool:
        """Whether nothing that comes makes a difference."""
        return self.proof is not None or self.undecided is not None

    def called(self, op: Operation) -> None:
        self.count += 1
        if self.is_decided:
            return
        if op.f == "read":
            self.reading[op.index] = op
        else:
            self.writing[op.index] = self.values[_code(op.input)] = _Held(op, PENDING, op.call)

    def ended(self, op: Operation) -> None:
        if self.is_decided:
            return
        if op.f == "write":
            self._written(op)
        elif op.index in self.abandoned:
            self.abandoned.discard(op.index)
            if op.status == "ok":
                self.undecided = (
                    f"read #{op.index} was open while {RECENT_MAX:,} values were written, and what it returned was "
                    "not judged"
                )
        else:
            del self.reading[op.index]
            if op.status == "ok":
                self._read(op)
        self._forget(op.ret if op.ret != PENDING else op.call)

    def judge(self, meter: Meter) -> Proof | None:
        """The violation that the events so far prove. Raises OutOfBudget where an answer could not be judged."""
        if self.undecided is not None:
            raise OutOfBudget(self.undecided, "memory")
        return self.proof

    def _written(self, op: Operation) -> None:
        held = self.writing.pop(op.index)
        held.writer = op
        if op.status == "fail":
            if held.s == PENDING:
                del self.values[_code(op.input)]
            elif held.first is not None:
                self.proof = write_failed(held.first, op)
        elif op.status == "ok":
            if held.last is not None and held.last.index == op.index:
                held.last = op
            if held.s == PENDING:
                self._appears(held, op)

    def _read(self, op: Operation) -> None:
        held = self.values.get(_code(op.output))
        if held is None:
            self.proof = _not_there(op)
            if _code(op.output) == _code(self.model.initial()):
                written = next(one for one in self.latest if one.writer is not None)
                self.proof = self._contradiction(op, _Held(op, op.ret, op.call), written)
            return
        if op.call > held.e:
            held.e, held.last = op.call, op
            if held.old:
                self._rank(held)
            other = None if held.s == PENDING else self._conflicting(held)
            if other is not None:
                self.proof = self._contradiction(op, held, other)
        if held.s == PENDING:
            self._appears(held, op)

    def _appears(self, held: _Held, op: Operation) -> None:
        held.s, held.first = op.ret, op
        self.recent.append(held)

    def _conflicting(self, held: _Held) -> _Held | None:
        """A value that must come both before and after this one, whose `e` is the call of a read that returns."""
        for other in self.latest:
            if other is not held and other.e > held.s:
                return other
        s, e = held.s, held.e
        for other in reversed(self.recent):
            if other.e > s and other.s < e and other is not held:
                return other
        return None

    def _rank(self, held: _Held) -> None:
        """Keeps the two with the greatest `e` of what appeared before the horizon."""
        if held not in self.latest:
            self.latest.append(held)
        self.latest.sort(key=lambda one: -one.e)
        del self.latest[2:]

    def _forget(self, now: int) -> None:
        """Moves the horizon, and drops what can never be found again."""
        if not self.recent:
            return
        if len(self.recent) > RECENT_MAX and self.reading:
            oldest = next(iter(self.reading))
            del self.reading[oldest]
            self.abandoned.add(oldest)
        horizon = next(iter(self.reading.values())).call if self.reading else now
        count = 0
        for held in self.recent:
            if held.s >= horizon:
                break
            held.old = True
            self._rank(held)
            self.older.append(held)
            count += 1
        if not count:
            return
        del self.recent[:count]
        kept = []
        for held in self.older:
            if any(other is not held and other.e > held.s for other in self.latest):
                self._drop(held)
            else:
                kept.append(held)
        self.older = kept

    def _drop(self, held: _Held) -> None:
        code = _code(self.model.initial() if held.writer is None else held.writer.input)
        if self.values.get(code) is held:
            del self.values[code]

    def operations(self) -> list[Operation]:
        """A few operations that mean the same as all so far for whatever comes: each value as a write that returned at
        `s` and a read that was called at `e`; open ones, and writes of unknown outcome, as they are."""
        found: list[Operation] = list(self.reading.values())
        for held in self.values.values():
            writer, first, last = held.writer, held.first, held.last
            if held.s == PENDING and writer is not None:
                found.append(writer)
                continue
            if writer is not None and writer.index in self.writing:
                found.append(writer)
                assert first is not None
                found.append(structs.replace(first, call=min(held.e, held.s), ret=held.s))
            elif writer is not None:
                found.append(structs.replace(writer, call=min(held.e, held.s), ret=held.s, status="ok"))
            if held.e > held.s and last is not None:
                found.append(structs.replace(last, call=held.e, ret=held.e))
        return found

    def _contradiction(self, op: Operation, held: _Held, other: _Held) -> Proof:
        ops = {one.index: one for value in (held, other) for one in value.operations()}
        few = sorted(ops.values(), key=lambda one: (one.call, one.index))
        return op, explain(few, History.of(few), begins_with=self.model.initial()), tuple(few)

    def found_and_gone(self) -> dict[int, Operation]:
        """Open writes whose value was found, and can never be found again: by index, who found it first."""
        return {
            index: held.first
            for index, held in self.writing.items()
            if held.s != PENDING and held.first is not None and self.values.get(_code(held.first.output)) is not held
        }


def write_failed(read: Operation, write: Operation) -> Proof:
    """A value was found whose write failed."""
    sentence = f"#{read.index} returned {show(read.output)}, but the write of that value (#{write.index}) failed."
    return write, Explanation("failed-write-read", sentence, culprit=read.index, failed=(write,)), (read,)


def _not_there(read: Operation) -> Proof:
    """A value was found that was never written, or that went for good: what replaced it was forgotten."""
    sentence = (
        f"#{read.index} returned {show(read.output)}, which cannot have been there: either no operation had begun to "
        f"write it, or it had been replaced before #{read.index} began."
    )
    return read, Explanation("phantom-value", sentence, culprit=read.index), ()


def _code(value: Any) -> Hashable:
    return value if type(value) in _PLAIN else identity(value)
