"""Transactions judged while they come, in bounded memory, up to the first proof that a level does not hold.

A transaction under way may have taken effect or not, as one of unknown outcome. What excludes a level then excludes it
however the history goes on; but where a level does not keep real time, what was read may still be written by a
transaction to come, and is taken for a violation only in the end.

All that is held is judged anew whenever it has grown by a fourth, which takes some five times what judging once does.
Where it grows beyond SIZE_MAX, keys that were not used of late are forgotten, but for their names, with all that was
done to them then and later: a history without some of its keys has each level that the whole one has, so nothing is
accused falsely. A cycle that needs a forgotten key is found only by judging the whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from checker.budget import Budget
from checker.errors import HistoryError
from checker.formats.micro_operations import Micros, answer_problem, as_model_has, name_of
from checker.history import INFO, PENDING, STATUSES, History, Status, Tables, freeze, identity
from checker.streaming import Event, Violation
from checker.transactions import BY_WRITE, MODELS
from checker.transactions.judged import judge, refuted_by
from checker.transactions.levels import DEFAULT, find, validate
from checker.transactions.table import DATA
from checker.verdict import Part, Verdict

SIZE_MAX = 2_000_000
"""Micro-operations, and elements of lists and sets that were read, of all transactions held: some 200 MB."""

GROWTH = 1.25


class _Txn(msgspec.Struct, gc=False):
    number: int
    process: int | str
    asked: Micros
    call: int
    found: Micros | None = None
    ret: int = PENDING
    status: Status = "info"
    open: bool = True

    @property
    def size(self) -> int:
        shown = [] if self.found is None else [micro[2] for micro in self.found if type(micro[2]) is tuple]
        return 1 + len(self.asked) + sum(map(len, shown))


class Transactions:
    """A stream of transactions for a level of isolation (or a data type of transactions, which are then serializable).

    It has what checker.streaming.Stream has; their data type follows from the first write.
    """

    def __init__(self, model: str, *, begins_with: Any = None, budget: Budget | None = None) -> None:
        self.level = find(DEFAULT if model in MODELS else model)
        self.data = model if model in MODELS else None
        self.begins_with = begins_with
        self.budget = Budget(steps=200_000) if budget is None else budget
        self.operations = 0
        self.forgotten: set[Any] = set()
        """Keys by identity."""
        self.violations: list[Violation] = []
        self._refuted: Verdict | None = None
        self.gave_up: str | None = None
        """Why nothing more is judged."""
        self._held: list[_Txn] = []
        self._open: dict[int | str, _Txn] = {}
        self._used: dict[Any, int] = {}
        """By key the last transaction that used it."""
        self._size = 0
        self._judged = 0
        """Transactions that had ended, of those held, when they were judged last."""
        self._ended = 0
        self._now: int | None = None

    @property
    def open_operations(self) -> int:
        """How many transactions have not ended."""
        return len(self._open)

    @property
    def keys(self) -> int:
        """How many keys are held."""
        return len(self._used)

    def feed(self, event: Event) -> None:
        """Takes in an event. Raises HistoryError for one that makes no sense."""
        before = self._now
        now = event.time if event.time is not None else 0 if before is None else before + 1
        if before is not None and now < before:
            raise HistoryError(f"the clock ran backwards, from {before} to {now}")
        self._now = now
        if event.type == "invoke":
            self._invoke(event, now)
            return
        txn = self._open.pop(event.process, None)
        if txn is None:
            raise HistoryError(f"process {event.process!r} ended an operation that it had not invoked")
        found = self._micros(event.value) if event.type == "ok" and event.value is not None else None
        problem = answer_problem(txn.asked, found) if event.type == "ok" else None
        if problem is not None:
            raise HistoryError(problem)
        self._size -= txn.size
        txn.status, txn.found, txn.open = event.type, found, False
        txn.ret = PENDING if event.type == "info" else now
        if self.forgotten:
            self._leave_out(txn)
        self._size += txn.size
        self._ended += 1
        if self._size > SIZE_MAX and self.gave_up is None:
            self._forget()

    def _invoke(self, event: Event, now: int) -> None:
        if event.process in self._open:
            raise HistoryError(f"process {event.process!r} invoked {event.f} before its operation had ended")
        if event.f != "txn":
            raise HistoryError(f"{event.f!r} is not a transaction: name it txn")
        txn = _Txn(self.operations, event.process, self._micros(event.value or ()), now)
        self.operations += 1
        self._open[event.process] = txn
        if self.gave_up is None:
            self._held.append(txn)
            self._size += txn.size
            for _, key, _ in txn.asked:
                if identity(key) not in self.forgotten:
                    self._used[identity(key)] = txn.number

    def _micros(self, value: Any) -> Micros:
        value = freeze(value)
        if self.data is None:
            writes = [BY_WRITE.get(name_of(micro[0])) for micro in value if type(micro) is tuple and micro]
            self.data = next((data for data in writes if data is not None), None)
            if self.data is not None:
                validate(DATA[self.data], self.level.name)
        return as_model_has(value, self.data or "txn-rw-register")

    def _forget(self) -> None:
        """Drops the keys that only the older half used, and transactions that used no others."""
        since = self._held[len(self._held) // 2].number
        dropped = {key for key, number in self._used.items() if number < since}
        dropped -= {identity(key) for txn in self._open.values() for _, key, _ in txn.asked}
        self.forgotten |= dropped
        self._used = {key: number for key, number in self._used.items() if key not in dropped}
        for txn in self._held:
            self._leave_out(txn)
        self._held = [txn for txn in self._held if txn.asked or txn.open]
        self._size = sum(txn.size for txn in self._held)
        self._ended = sum(not txn.open for txn in self._held)
        self._judged = min(self._judged, self._ended)
        if self._size > SIZE_MAX * 3 // 4:
            self.gave_up = f"what was done to the {len(self._used):,} keys in use is too much to be held"
            self._held, self._used = [], {}

    def _leave_out(self, txn: _Txn) -> None:
        """Takes the forgotten keys out of a transaction that has ended. (What an open one asks is needed for its
        answer, and shows nothing.)"""
        if not txn.open:
            txn.asked = self._remembered(txn.asked)
            txn.found = None if txn.found is None else self._remembered(txn.found)

    def _remembered(self, micros: Micros) -> Micros:
        return tuple(micro for micro in micros if identity(micro[1]) not in self.forgotten)

    def judge(self) -> list[Violation]:
        """The violation, if what is held refutes the level; judged only where it has grown enough since the last
        time."""
        if self.gave_up is not None or self.violations or self._ended < 1 + self._judged * GROWTH:
            return []
        self._judged = self._ended
        history, data = self.history(), self.data or "txn-rw-register"
        kind = refuted_by(history, data, self.level.name, begins_with=self.begins_with, budget=self.budget)
        if kind is None or (kind == "phantom-value" and self.level.order != "realtime"):
            return []
        return self._violations(self._verdict(history))

    def flush(self) -> list[Violation]:
        """The same once nothing more comes."""
        return [] if self.violations else self._violations(self.verdict())

    def verdict(self) -> Verdict:
        """On what is held: it is not known to be valid where keys were forgotten."""
        verdict = self._refuted or self._verdict(self.history())
        left_out = self.gave_up if self._refuted is None else None
        if self.forgotten and verdict.outcome == "valid":
            left_out = (
                f"{len(self.forgotten):,} keys were forgotten on the way, and no violation was found without them"
            )
        if left_out is None:
            return replace(verdict, operations=self.operations)
        part = Part(None, "unknown", "stream", self.operations, reason=left_out)
        return replace(verdict, outcome="unknown", parts=(part,), ladder=(), operations=self.operations)

    def _verdict(self, history: History) -> Verdict:
        data = self.data or "txn-rw-register"
        return judge(history, data, self.level.name, begins_with=self.begins_with, budget=self.budget)

    def _violations(self, verdict: Verdict) -> list[Violation]:
        if verdict.outcome == "invalid":
            (part,), self._refuted = verdict.parts, verdict
            assert part.explanation is not None
            last = max(part.counterexample, key=lambda op: -1 if op.pending else op.ret)
            shown = (part.explanation, part.counterexample, self.operations)
            self.violations = [Violation(None, last, *shown)]
        return self.violations

    def history(self) -> History:
        """What is held."""
        tables, txns = Tables(), self._held
        values = tables.value.codes_apart
        zero = np.zeros(len(txns), dtype=np.int64)
        status = np.array([STATUSES.index(txn.status) for txn in txns], dtype=np.int64)
        ret = np.array([txn.ret for txn in txns], dtype=np.int64)
        return History(
            tables,
            index=np.array([txn.number for txn in txns], dtype=np.int64),
            call=np.array([txn.call for txn in txns], dtype=np.int64),
            ret=np.where(status == INFO, PENDING, ret),
            status=status,
            f=zero + tables.f.code("txn"),
            process=tables.process.codes([txn.process for txn in txns]),
            key=zero,
            input=values([txn.asked for txn in txns]),
            output=values([txn.found for txn in txns]),
            node=zero,
            error=zero,
        )
