"""Judges events as they come, and reports a violation at the first event that proves it.

What an open operation will return is not known yet. So there are two frontiers per key: one has gone as far as all
outcomes are known (up to the call of the oldest open operation); from there the other one is run over the events
since, open operations counting as pending. If it dies, no outcome of the open operations can save the history.
Memory holds the configurations and the events since the oldest open operation was called, not the history.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import structs

from checker.budget import Budget, Meter, OutOfBudget
from checker.check import resolve
from checker.configurations import Frontier
from checker.errors import HistoryError, UsageError
from checker.explain_search import fits_nowhere
from checker.history import PENDING, Operation, freeze, identity
from checker.model import Model
from checker.models.kv import KeyValue
from checker.models.register import CasRegister, Register
from checker.online_register import OnlineRegister, Proof, write_failed
from checker.steps import Steps
from checker.verdict import Explanation, Outcome

ONLINE = (Register, CasRegister, KeyValue)
"""Models whose keys are judged by zones as long as their values are unique."""

KINDS_MAX = 4096
"""Distinct operations remembered before the tables of a frontier are cleared of what it no longer needs."""


class Event(msgspec.Struct, frozen=True):
    """The call (invoke) or the end of an operation; a process has one operation open at a time.

    `value` is the input of an invoke, the output of an ok. Times are nanoseconds and never go back; a call at the
    time of a return is concurrent with it. Without times the order of the events counts.
    """

    type: Literal["invoke", "ok", "fail", "info"]
    process: int | str
    f: str = ""
    key: Any = None
    value: Any = None
    time: int | None = None


@dataclass(frozen=True)
class Violation:
    """No order of the events so far is legal on this key. Later events on the key are not looked at."""

    key: Any
    operation: Operation
    explanation: Explanation
    counterexample: tuple[Operation, ...] = ()
    """Operations that alone prove it, where they were kept."""
    operations: int = 0
    """How many were called on this key."""


class Stream:
    """A check that runs beside the test. Feed it events; ask for `outcome` at any time."""

    def __init__(
        self, model: str | Model | type[Model] = "register", *, budget: Budget | None = None, eager: bool = True
    ) -> None:
        """`budget`: limits for each key whenever it is judged. `eager`: judge after every event that returns; False:
        only when `judge` or `flush` is called, which costs much less, since what is open is then searched once for all
        events that have returned."""
        self.model = resolve(model)
        self._eager = eager
        self.budget = Budget(steps=1_000_000) if budget is None else budget
        self.violations: list[Violation] = []
        self.undecided: dict[Any, str] = {}
        """Key -> what ran out."""
        self.operations = 0
        self._open: dict[int | str, Operation] = {}
        self._keys: dict[Any, _Key | OnlineRegister | None] = {}
        self._held: list[Operation] = []
        """What ended at the time of the last event: a call at the same time might still come."""
        self._unjudged: dict[_Key | OnlineRegister, Operation] = {}
        """Keys on which operations have ended since they were judged, and the last of these."""
        self._now: int | None = None

    @property
    def outcome(self) -> Outcome:
        """What the events so far say."""
        return "invalid" if self.violations else "unknown" if self.undecided else "valid"

    @property
    def open_operations(self) -> int:
        """How many operations have not ended."""
        return len(self._open)

    @property
    def keys(self) -> int:
        """How many keys were named."""
        return len(self._keys)

    def feed(self, event: Event) -> list[Violation]:
        """The violations that this event proves. Raises HistoryError for an event that makes no sense."""
        before = self._now
        now = event.time if event.time is not None else 0 if before is None else before + 1
        if before is not None and now < before:
            raise HistoryError(f"the clock ran backwards, from {before} to {now}")
        found: list[Violation] = []
        if now != before:
            self._take_ends()
            found = self.judge() if self._eager else []
        self._now = now
        if event.type == "invoke":
            self._invoke(event, now)
            return found
        op = self._open.pop(event.process, None)
        if op is None:
            raise HistoryError(f"process {event.process!r} ended an operation that it had not invoked")
        key = self._key(op)
        if key is None:
            return found
        output = freeze(event.value) if event.type == "ok" else None
        ended = structs.replace(op, output=output, ret=PENDING if event.type == "info" else now, status=event.type)
        self._held.append(ended)
        return found + (self.flush() if self._eager and event.time is None else [])

    def flush(self) -> list[Violation]:
        """Judges also the ends held back because a call might still come at the same time. Call it when all is over."""
        self._take_ends()
        return self.judge()

    def _take_ends(self) -> None:
        for op in self._held:
            key = self._key(op)
            if key is not None:
                key.ended(op)
                self._unjudged[key] = op
        self._held = []

    def judge(self) -> list[Violation]:
        """Judges what has ended before the time of the last event. If `eager`, that is done already."""
        found = []
        for key, op in self._unjudged.items():
            try:
                proof = key.judge(Meter(self.budget))
            except OutOfBudget as out:
                self._close(op, str(out))
                continue
            if proof is not None:
                found.append(Violation(op.key, *proof, key.count))
                self._close(op, None)
        self._unjudged = {}
        self.violations += found
        return found

    def _invoke(self, event: Event, now: int) -> None:
        if event.process in self._open:
            raise HistoryError(f"process {event.process!r} invoked {event.f} before its operation had ended")
        if event.f not in self.model.operations:
            raise UsageError(f"the model {self.model.name} has no {event.f!r}")
        op = Operation(
            self.operations,
            event.process,
            event.f,
            freeze(event.key),
            freeze(event.value),
            None,
            now,
            PENDING,
            "info",
        )
        self.operations += 1
        self._open[event.process] = op
        key = self._key(op)
        if isinstance(key, OnlineRegister) and not key.takes(op):
            key = self._keys[self._name(op)] = _Key.of(key)
        if key is not None:
            key.called(op)

    def _key(self, op: Operation) -> _Key | OnlineRegister | None:
        name = self._name(op)
        if name not in self._keys:
            online = isinstance(self.model, Register) and type(self.model) in ONLINE
            self._keys[name] = OnlineRegister(self.model) if online else _Key(self.model)  # type: ignore[arg-type]
        return self._keys[name]

    def _name(self, op: Operation) -> Any:
        return identity(op.key) if self.model.by_key else None

    def _close(self, op: Operation, reason: str | None) -> None:
        self._keys[self._name(op)] = None
        if reason is not None:
            self.undecided[op.key] = reason


class _Key:
    """The events on one key since the oldest open operation was called."""

    def __init__(self, model: Model) -> None:
        self.model = model
        meter = Meter(Budget(None, None, None))
        self.settled = Frontier(Steps(model), meter, remember=False)
        self.events: deque[tuple[int, bool]] = deque()
        """Index of the operation, and whether it returns."""
        self.ops: dict[int, Operation] = {}
        self.open: set[int] = set()
        self.gone: dict[int, Operation] = {}
        """As OnlineRegister.found_and_gone."""
        self.failed: Proof | None = None
        self.count = 0
        """Operations called so far."""

    @classmethod
    def of(cls, register: OnlineRegister) -> _Key:
        """Goes on where a register ends."""
        key = cls(register.model)
        ops = register.operations()
        ends = [(op.ret, 1, op) for op in ops if op.ret != PENDING]
        for _, ends_now, op in sorted([(op.call, 0, op) for op in ops] + ends, key=lambda event: event[:2]):
            (key.ended if ends_now else key.called)(op)
        for op in ops:
            if op.pending and op.index not in register.reading and op.index not in register.writing:
                key.ended(op)  # of unknown outcome
        key.gone, key.count = register.found_and_gone(), register.count
        return key

    def called(self, op: Operation) -> None:
        self.count += 1
        self.ops[op.index] = op
        self.open.add(op.index)
        self.events.append((op.index, False))

    def ended(self, op: Operation) -> None:
        if op.index in self.gone:
            found = self.gone.pop(op.index)
            self.failed = write_failed(found, op) if op.status == "fail" else self.failed
            return
        self.ops[op.index] = op
        self.open.discard(op.index)
        if op.status == "ok":
            self.events.append((op.index, True))

    def judge(self, meter: Meter) -> Proof | None:
        """The operation at whose return the events so far have no order, and why; None if they have one."""
        if self.failed is not None:
            return self.failed
        self.settled.meter = meter
        while self.events and self.events[0][0] not in self.open:
            index, is_return = self.events.popleft()
            if not self._advance(self.settled, index, is_return):
                return self._explain(index, self.settled)
            if is_return or self.ops[index].status != "ok":
                del self.ops[index]
        if len(self.settled.steps.kinds) > KINDS_MAX:
            self.settled = self.settled.rebased()
        tentative = self.settled.copy()
        for index, is_return in self.events:
            if not self._advance(tentative, index, is_return):
                return self._explain(index, tentative)
        return None

    def _advance(self, frontier: Frontier, index: int, is_return: bool) -> bool:
        op = self.ops[index]
        if is_return:
            return frontier.ret(index)
        if op.status == "ok":
            frontier.call(index, frontier.steps.kind(op), op.ret)
        elif op.status == "info":
            frontier.call_pending(index, frontier.steps.kind(op))
        return True

    def _explain(self, index: int, frontier: Frontier) -> Proof:
        op, states = self.ops[index], [frontier.steps.states[state] for state in frontier.reached]
        return op, fits_nowhere(op, states, self.model), ()
