"""A history: the operations that clients invoked on a system, and what they saw.

Each operation is an interval [call, ret] on one clock (integer nanoseconds). `a` precedes `b` iff a.ret < b.call
(strict: equal times are concurrent). An operation ends `ok` (it happened), `fail` (it certainly did not happen) or
`info` (unknown: it may take effect at any time after its call, or never; its `ret` is PENDING).

A million operations as Python objects cost seconds and gigabytes, so a History keeps columns (numpy arrays) and
makes an `Operation` only on request. Values are interned: a column holds codes, a Table the values.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from checker.errors import HistoryError
from checker.values import freeze as freeze
from checker.values import identity as identity

Status = Literal["ok", "fail", "info"]
STATUSES: tuple[Status, ...] = ("ok", "fail", "info")
OK, FAIL, INFO = range(3)

Column = NDArray[np.int64]

PENDING: int = int(np.iinfo(np.int64).max)
"""The return time of an operation whose end was never seen: later than every real time."""

BEGINNING: int = int(np.iinfo(np.int64).min)
"""Before every call: times may be negative, but no operation has this one."""


def distinct(codes: Column) -> Column:
    """The codes that a column has, in order: np.unique, without the masked arrays that it takes 15 ms to import."""
    ordered = np.sort(codes)
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


NO_COMMIT = -1
"""In place of the number of a commit, where the system did not tell it."""


class Operation(msgspec.Struct, frozen=True, gc=False):
    """One operation of one process. Times are nanoseconds on the history's clock."""

    index: int
    """Its number in the whole history (the #n of reports), in order of call."""
    process: int | str
    f: str
    """What was invoked: read, write, cas, append, enqueue ..."""
    key: Any = None
    """The object it was invoked on; None where the history has a single object."""
    input: Any = None
    output: Any = None
    """What it returned; None while unknown."""
    call: int = 0
    ret: int = PENDING
    status: Status = "ok"
    node: str | None = None
    """The node the client was talking to, where known."""
    error: str | None = None

    @property
    def pending(self) -> bool:
        """True if its end was never seen: it may or may not have happened."""
        return self.status == "info"


class _Codes(dict[Hashable, int]):
    """value -> code; looking up a plain value (int, float, str, None) that was never seen gives it the next code."""

    __slots__ = ("known",)

    def __init__(self, values: list[Any]) -> None:
        super().__init__({None: 0, msgspec.UNSET: 0})
        self.known = values

    def __missing__(self, value: Hashable) -> int:
        code = self[value] = len(self.known)
        self.known.append(value)
        return code


_PLAIN = frozenset({int, float, str, type(None), msgspec.UnsetType})
"""Types whose values are their own identity; a field that a record did not have counts as None."""


class Table:
    """Interned values: `values[code]` is the value, `code(value)` its small integer. Code 0 is None."""

    def __init__(self) -> None:
        self.values: list[Any] = [None]
        self._codes = _Codes(self.values)

    def code(self, value: Any) -> int:
        """The code of a value, new if it was never seen. Unhashable values are frozen first."""
        if type(value) in _PLAIN:
            return self._codes[value]
        value = freeze(value)
        key = identity(value)
        found = self._codes.get(key)
        if found is None:
            found = self._codes[key] = len(self.values)
            self.values.append(value)
        return found

    def find(self, value: Any) -> int | None:
        """The code of a value, None if it was never seen."""
        return self._codes.get(identity(freeze(value)))

    def codes(self, column: Sequence[Any], kinds: AbstractSet[type] | None = None) -> Column:
        """The codes of many values, as one column. `kinds` are their types, where the caller knows them already."""
        kinds = set(map(type, column)) if kinds is None else kinds
        code = self._codes.__getitem__ if kinds <= _PLAIN else self.code
        return np.fromiter(map(code, column), np.int64, len(column))

    def codes_apart(self, column: Sequence[Any]) -> Column:
        """The codes of frozen values that are not compared with others: each is new, None excepted."""
        known = self.values
        found = np.zeros(len(column), dtype=np.int64)
        given = [row for row, value in enumerate(column) if type(value) is tuple]
        found[given] = np.arange(len(known), len(known) + len(given))
        known.extend([column[row] for row in given])
        return found

    def alias(self, other: str, value: str) -> None:
        """From now on `other` is another name of `value`: it has the same code."""
        self._codes[other] = self.code(value)

    def __len__(self) -> int:
        return len(self.values)


class Tables:
    """The tables that a history and all its parts share."""

    def __init__(self) -> None:
        self.f = Table()
        self.process = Table()
        self.key = Table()
        self.value = Table()
        self.node = Table()
        self.error = Table()


AT_ONCE = 4096
"""Rows of which the operations are made together."""


class History:
    """Operations in order of call (ties: in order of the record), in columns of one length.

    Columns: `index` (number in the whole history), `call`, `ret` (ns; PENDING where status is INFO), `status`
    (OK, FAIL, INFO), and the codes `f`, `process`, `key`, `input`, `output`, `node`, `error`, whose values are in
    `tables` (`input` and `output` share `tables.value`, so equal codes are equal values).
    """

    COLUMNS = ("index", "call", "ret", "status", "f", "process", "key", "input", "output", "node", "error")

    def __init__(self, tables: Tables, **columns: Column) -> None:
        self.tables = tables
        self.index = columns["index"]
        self.call = columns["call"]
        self.ret = columns["ret"]
        self.status = columns["status"]
        self.f = columns["f"]
        self.process = columns["process"]
        self.key = columns["key"]
        self.input = columns["input"]
        self.output = columns["output"]
        self.node = columns["node"]
        self.error = columns["error"]
        self.commit: Column | None = None
        """What systems tell of the order of commits: numbers from 0 that grow from one to the next, or NO_COMMIT."""
        self.notes: tuple[str, ...] = ()
        """What a reader noticed in the record and columns cannot show (a clock that ran backwards): for warnings."""

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> History:
        """A history of the given operations, sorted by call; their `index` is kept as it is.

        Raises HistoryError for an operation that returns before its call, or at a time beyond 64 bits.
        """
        ordered = sorted(operations, key=lambda op: op.call)
        for op in ordered:
            if not BEGINNING <= op.call <= op.ret <= PENDING:
                raise HistoryError(_wrong_times(op))
        tables = Tables()
        status = np.array([STATUSES.index(op.status) for op in ordered], dtype=np.int64)
        return cls(
            tables,
            index=np.array([op.index for op in ordered], dtype=np.int64),
            call=np.array([op.call for op in ordered], dtype=np.int64),
            ret=np.where(status == INFO, PENDING, np.array([op.ret for op in ordered], dtype=np.int64)),
            status=status,
            f=tables.f.codes([op.f for op in ordered]),
            process=tables.process.codes([op.process for op in ordered]),
            key=tables.key.codes([op.key for op in ordered]),
            input=tables.value.codes([op.input for op in ordered]),
            output=tables.value.codes([op.output for op in ordered]),
            node=tables.node.codes([op.node for op in ordered]),
            error=tables.error.codes([op.error for op in ordered]),
        )

    def __len__(self) -> int:
        return len(self.call)

    def __getitem__(self, row: int) -> Operation:
        """The operation in a row (rows count from 0 in this part; `index` is the number in the whole history)."""
        t = self.tables
        return Operation(
            index=int(self.index[row]),
            process=t.process.values[self.process[row]],
            f=t.f.values[self.f[row]],
            key=t.key.values[self.key[row]],
            input=t.value.values[self.input[row]],
            output=t.value.values[self.output[row]],
            call=int(self.call[row]),
            ret=int(self.ret[row]),
            status=STATUSES[self.status[row]],
            node=t.node.values[self.node[row]],
            error=t.error.values[self.error[row]],
        )

    def __iter__(self) -> Iterator[Operation]:
        """The operations, in order: some thousand rows at a time, which takes a fourth of the time of one by one."""
        t = self.tables
        coded = {"f": t.f, "process": t.process, "key": t.key, "input": t.value, "output": t.value}
        coded |= {"node": t.node, "error": t.error}
        for start in range(0, len(self), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            index, call, ret, status = (
                column[rows].tolist() for column in (self.index, self.call, self.ret, self.status)
            )
            f, process, key, given, got, node, error = (
                [table.values[code] for code in getattr(self, name)[rows].tolist()] for name, table in coded.items()
            )
            ended = [STATUSES[code] for code in status]
            yield from map(Operation, index, process, f, key, given, got, call, ret, ended, node, error)

    def select(self, rows: Sequence[int] | NDArray[Any]) -> History:
        """The part made of these rows (indices or a mask), in the same order, sharing the tables."""
        chosen = np.asarray(rows)
        return History(self.tables, **{name: getattr(self, name)[chosen] for name in self.COLUMNS})

    def by_key(self) -> dict[Any, History]:
        """One part per key, in order of the keys' first appearance."""
        order = np.argsort(self.key, kind="stable")
        grouped = self.select(order)  # sorted once, so that every part is a view
        counts = np.bincount(grouped.key)
        ends = np.cumsum(counts)
        bounds = zip((ends - counts)[counts > 0].tolist(), ends[counts > 0].tolist(), strict=True)
        spans = sorted(bounds, key=lambda span: int(order[span[0]]))
        return {
            self.tables.key.values[grouped.key[start]]: History(
                self.tables, **{name: getattr(grouped, name)[start:end] for name in self.COLUMNS}
            )
            for start, end in spans
        }


def _wrong_times(op: Operation) -> str:
    if op.ret < op.call and op.call <= PENDING and op.ret >= BEGINNING:
        return f"operation #{op.index} ({op.f}) returns at {op.ret} before its call at {op.call}"
    return f"operation #{op.index} ({op.f}): times are whole ns of 64 bits, not {op.call} and {op.ret}"
