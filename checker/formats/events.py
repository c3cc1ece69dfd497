"""Events become operations: each invocation meets the next event of its process.

Jepsen's rules: a process has one operation at a time; `ok`, `fail` and `info` complete it; an invocation that nothing
completes by the end of the record is pending, like `info`. Everything else is no history and is refused with its line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from checker.formats.columns import TIME_MAX, Clock, Loaded
from checker.formats.loose import INVOKE, Row, completed
from checker.formats.nemesis import Nemesis
from checker.formats.source import Source
from checker.history import INFO, NO_COMMIT, OK, PENDING, Column, History, Tables
from checker.values import shown

KINDS = {"invoke": INVOKE, "ok": 0, "fail": 1, "info": 2}
"""The kind of an event: INVOKE, or the status that the operation ends with (OK, FAIL, INFO)."""


@dataclass(frozen=True)
class Events:
    """Columns of events in the order of the record; codes refer to `tables`. `time` None: order is the time."""

    tables: Tables
    line: Column
    kind: Column
    process: Column
    f: Column
    key: Column
    value: Column
    """An invocation's input, a completion's output."""
    node: Column
    error: Column
    time: Column | None
    commit: Column | None = None


ROWS_AT_ONCE = 8192
"""Rows that wait to become columns: a million of them would take ten times the memory."""


class EventRows:
    """Gathers events one by one, for the formats which are parsed one by one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tables = source.tables()
        self._rows: list[Row] = []
        self._pieces: list[dict[str, Column]] = []
        self._gathered = 0

    @property
    def count(self) -> int:
        return self._gathered + len(self._rows)

    def add(self, row: Row) -> None:
        """An event; `process` None: the record does not say it, `f` None: a completion that does not repeat it."""
        if row.time is not None and (type(row.time) is not int or abs(row.time) > TIME_MAX):
            time = shown(row.time, 40)
            raise self._source.error(f"the time {time} is not a whole number of ns between -2^62 and 2^62", row.line)
        self._rows.append(row)
        if len(self._rows) == ROWS_AT_ONCE:
            self._gather()

    def load(self, nemesis: Nemesis) -> Loaded:
        """The operations, their input and output still the one value of each event. Raises HistoryError."""
        if not self.count:
            raise self._source.error("contains no operations")
        columns = self._columns()
        named = columns["process"] != 0
        if not named.all() or (columns["kind"] != INVOKE).all():
            rows = completed(self._as_rows(columns), self._source)
            self._tables, self._rows = self._source.tables(), rows
            columns = self._columns()
        timed = columns.pop("timed") != 0
        if timed.any() and not timed.all():
            line = int(columns["line"][np.argmin(timed)])
            raise self._source.error("has no :time, but other events have one", line)
        time = columns.pop("time")
        columns["node"] = np.zeros(len(time), np.int64)
        events = Events(tables=self._tables, time=time if timed.all() else None, **columns)
        return replace(pair(events, self._source, nemesis), one_value=True)

    def _gather(self) -> None:
        """Makes columns of the rows that wait."""
        rows, tables = self._rows, self._tables
        line, kind, process, f, key, value, time, error = zip(*rows, strict=True)
        timed = np.array([instant is not None for instant in time], np.int64)
        self._pieces.append(
            {
                "line": np.array(line, np.int64),
                "kind": np.array(kind, np.int64),
                "process": tables.process.codes(process),
                "f": tables.f.codes(f),
                "key": tables.key.codes(key),
                "value": tables.value.codes(value),
                "error": tables.error.codes(error),
                "time": np.array(time if timed.all() else [instant or 0 for instant in time], np.int64),
                "timed": timed,
            }
        )
        self._gathered += len(rows)
        self._rows = []

    def _columns(self) -> dict[str, Column]:
        if self._rows:
            self._gather()
        names = list(self._pieces[0])
        whole = {name: np.concatenate([piece.pop(name) for piece in self._pieces]) for name in names}
        self._pieces = []
        return whole

    def _as_rows(self, columns: dict[str, Column]) -> list[Row]:
        """The rows again, for what is not decided by columns."""
        tables = self._tables
        decoded = {
            name: [table.values[code] for code in columns[name].tolist()]
            for name, table in (
                ("process", tables.process),
                ("f", tables.f),
                ("key", tables.key),
                ("value", tables.value),
                ("error", tables.error),
            )
        }
        time = [
            instant if known else None
            for instant, known in zip(columns["time"].tolist(), columns["timed"].tolist(), strict=True)
        ]
        plain = {"line": columns["line"].tolist(), "kind": columns["kind"].tolist(), "time": time}
        given = {**decoded, **plain}
        return [Row(*fields) for fields in zip(*(given[name] for name in Row._fields), strict=True)]


def pair(events: Events, source: Source, nemesis: Nemesis) -> Loaded:
    """The operations that these events make. Raises HistoryError with the line of the first event that fits nowhere."""
    if not len(events.kind):
        raise source.error("contains no operations")
    clock: Clock = "order" if events.time is None else "ns"
    time = np.arange(len(events.kind), dtype=np.int64) if events.time is None else events.time
    order = np.argsort(events.process, kind="stable")
    process, invoked = events.process[order], events.kind[order] == INVOKE
    follows = np.zeros(len(order), dtype=bool)  # the event before it is of the same process
    follows[1:] = process[1:] == process[:-1]
    after_invocation = follows.copy()
    after_invocation[1:] &= invoked[:-1]
    _reject_misplaced(events, source, order, invoked, after_invocation)

    ends = np.flatnonzero(~invoked)
    begin_of_ended, end = order[ends - 1], order[ends]
    _reject_mismatched(events, source, time, begin_of_ended, end)

    begins = np.flatnonzero(events.kind == INVOKE)
    begins = begins[np.argsort(time[begins], kind="stable")]
    completion = np.full(len(events.kind), -1, dtype=np.int64)
    completion[begin_of_ended] = end
    ends_at = completion[begins]
    ended = ends_at >= 0
    status = np.where(ended, events.kind[ends_at], INFO)
    done = status != INFO

    def from_completion(column: Column, where: NDArray[np.bool_]) -> Column:
        return np.where(where, column[ends_at], 0)

    history = History(
        events.tables,
        index=np.arange(len(begins), dtype=np.int64),
        call=time[begins],
        ret=np.where(done, time[ends_at], PENDING),
        status=status,
        f=events.f[begins],
        process=events.process[begins],
        key=events.key[begins],
        input=events.value[begins],
        output=from_completion(events.value, status == 0),
        node=np.where(events.node[begins] != 0, events.node[begins], from_completion(events.node, ended)),
        error=from_completion(events.error, ended & (status != 0)),
    )
    if events.commit is not None:
        history.commit = np.where(status == OK, events.commit[ends_at], NO_COMMIT)
    history.notes = _clock_notes(events, source)
    faults = nemesis.spans(ordered=events.time is None, times=time)
    return Loaded(history, events.line[begins], clock, faults)


def _reject_misplaced(events: Events, source: Source, order: Column, invoked: Column, after_invocation: Column) -> None:
    wrong = order[np.flatnonzero(invoked == after_invocation)]
    if not len(wrong):
        return
    first = int(wrong.min())
    process = shown(events.tables.process.values[events.process[first]], 40)
    line = int(events.line[first])
    if events.kind[first] != INVOKE:
        raise source.error(f"process {process} completes an operation that it has not invoked", line)
    before = np.flatnonzero(events.process[:first] == events.process[first])[-1]
    raise source.error(
        f"process {process} invokes again, but its operation on line {int(events.line[before])} has no completion", line
    )


def _reject_mismatched(events: Events, source: Source, time: Column, begin: Column, end: Column) -> None:
    other_f = (events.f[begin] != events.f[end]) & (events.f[end] != 0)
    other_key = (events.key[begin] != events.key[end]) & (events.key[end] != 0)
    backwards = time[end] < time[begin]
    wrong = np.flatnonzero(other_f | other_key | backwards)
    if not len(wrong):
        return
    at = int(wrong[np.argmin(end[wrong])])
    tables, b, e = events.tables, int(begin[at]), int(end[at])
    line, begun = int(events.line[e]), int(events.line[b])
    if other_f[at]:
        ended, invoked = tables.f.values[events.f[e]], tables.f.values[events.f[b]]
        raise source.error(
            f"completes {shown(ended, 40)}, but line {begun} of this process invoked {shown(invoked, 40)}", line
        )
    if other_key[at]:
        ended, invoked = tables.key.values[events.key[e]], tables.key.values[events.key[b]]
        raise source.error(
            f"completes on key {shown(ended, 40)}, but line {begun} invoked on key {shown(invoked, 40)}", line
        )
    raise source.error(f"returns at {time[e]}, before its call at {time[b]} (line {begun})", line)


def _clock_notes(events: Events, source: Source) -> tuple[str, ...]:
    if events.time is None:
        return ()
    back = np.flatnonzero(np.diff(events.time) < 0)
    if not len(back):
        return ()
    first = int(back[0])
    step = int(events.time[first] - events.time[first + 1])
    many = "once" if len(back) == 1 else f"{len(back)} times"
    return (
        f"the clock runs backwards {many} in the record, first at line {int(events.line[first + 1])} by {step} ns: "
        "the real-time order, and so the verdict, depends on these times",
    )
