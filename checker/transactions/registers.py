"""Read-write registers: a value shows which transaction wrote it, if each value of a key is written once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from checker.explain import argument
from checker.history import FAIL, OK
from checker.transactions.local import Locals
from checker.transactions.table import Table
from checker.transactions.versions import UNWRITTEN, Versions
from checker.values import Token, show

INITIAL = -1


@dataclass
class _Gathered:
    """What one pass over the micro-operations collects. Keys are numbered in order of appearance."""

    number: dict[Any, int] = field(default_factory=dict)
    writers: dict[tuple[int, Any], int] = field(default_factory=dict)
    """Who wrote a value to a key."""
    overwritten: dict[tuple[int, Any], Any] = field(default_factory=dict)
    """Values that their own transaction replaced, and by what."""
    last: dict[tuple[int, int], Any] = field(default_factory=dict)
    """The last value that a transaction wrote to a key."""
    reads: list[tuple[int, int, Any]] = field(default_factory=list)
    doubled: dict[tuple[int, Any], tuple[int, int]] = field(default_factory=dict)
    """Values of a key that two transactions wrote."""
    special: set[tuple[int, Any]] = field(default_factory=set)
    """Values whose reads need a closer look: replaced, written twice, or what registers begin with."""


def distinct(value: Any) -> Any:
    """The value, with true and false as what is equal to no number: in Python True is 1."""
    return Token(str(value).lower()) if type(value) is bool else value


def versions(table: Table, found: Locals) -> Versions:
    """The versions of a history of registers; anomalies go to `found`."""
    g = _gather(table, found)
    keys = list(g.number)
    happened = table.ok.copy()
    read_txn: list[int] = []
    read_of: list[int] = []
    wide = len(table) + 1
    ambiguous: str | None = None
    writers, status = g.writers, table.status.tolist()
    for txn, key, value in g.reads:
        known = writers.get((key, value), UNWRITTEN)
        if known >= 0 and known != txn and status[known] != FAIL and (key, value) not in g.special:
            read_txn.append(txn)
            read_of.append(key * wide + known)
            continue
        if value == table.begins_with or value is None:
            writer = INITIAL if value == table.begins_with else UNWRITTEN
            if (key, value) in g.writers and status[g.writers[key, value]] != FAIL:
                one, index = g.writers[key, value], f"{show(value)} to {show(keys[key])}"
                ambiguous = ambiguous or (
                    f"values are not unique: #{table.index(one)} writes {index}, which is also its initial value"
                )
        else:
            writer = g.writers.get((key, value), UNWRITTEN)
        if (key, value) in g.doubled:
            one, other = (table.index(by) for by in g.doubled[key, value])
            ambiguous = ambiguous or (
                f"values are not unique: #{one} and #{other} both write {show(value)} to {show(keys[key])}"
            )
        if not _check(table, found, g, txn, keys[key], key, value, writer):
            continue
        read_txn.append(txn)
        read_of.append(key * wide + writer)
    read = np.array(read_of, dtype=np.int64) + 1  # of the initial value: a multiple of `wide`
    happened[(read % wide - 1)[read % wide > 0]] = True
    last = np.array(list(g.last), dtype=np.int64).reshape(-1, 2)
    written = last[happened[last[:, 0]]]
    name = np.sort(written[:, 1] * wide + written[:, 0] + 1)
    first = np.arange(len(keys))
    return Versions(
        keys,
        key=np.concatenate([first, name // wide]),
        writer=np.concatenate([np.full(len(keys), INITIAL), name % wide - 1]),
        after=np.full(len(keys) + len(name), -1, dtype=np.int64),
        read_txn=np.array(read_txn, dtype=np.int64),
        read_ver=np.where(read % wide > 0, len(keys) + np.searchsorted(name, read), read // wide),
        happened=happened,
        ambiguous=ambiguous,
    )


def _gather(table: Table, found: Locals) -> _Gathered:
    g = _Gathered()
    number, writers, last, reads = g.number, g.writers, g.last, g.reads
    all_micros, statuses = table.micros, table.status.tolist()
    for txn in table.failed_last():
        micros, status = all_micros[txn], statuses[txn]
        own: dict[int, Any] = {}
        seen: dict[int, Any] = {}
        for f, name, value in micros:
            if type(name) is bool:
                name = distinct(name)
            if type(value) is bool:
                value = distinct(value)
            key = number.get(name)
            if key is None:
                key = number[name] = len(number)
            if f == "w":
                if (key, value) in writers and writers[key, value] != txn:
                    if status == FAIL:
                        continue
                    g.doubled[key, value] = (writers[key, value], txn)
                writers[key, value] = txn
                if key in own and own[key] != value:
                    g.overwritten[key, own[key]] = value
                    g.overwritten.pop((key, value), None)
                own[key] = value
            elif status == OK:
                if key in own:
                    if own[key] != value:
                        _internal(table, found, txn, name, value, own[key])
                    continue
                if key in seen and seen[key] != value:
                    _changed(table, found, txn, name, seen[key], value)
                seen[key] = value
                reads.append((txn, key, value))
        for key, value in own.items():
            last[txn, key] = value
    g.special = {*g.overwritten, *g.doubled, *((key, table.begins_with) for key in number.values())}
    return g


def _internal(table: Table, found: Locals, txn: int, key: Any, value: Any, had: Any) -> None:
    what = f"read {show(value)} from {show(key)}, though it had written {show(had)} before"
    found.add("internal", key, (txn,), lambda: f"#{table.index(txn)} {what}")


def _changed(table: Table, found: Locals, txn: int, key: Any, before: Any, value: Any) -> None:
    what = f"read {show(before)} from {show(key)}, and later {show(value)}"
    found.add("non-repeatable-read", key, (txn,), lambda: f"#{table.index(txn)} {what}")


def _check(table: Table, found: Locals, g: _Gathered, txn: int, name: Any, key: int, value: Any, writer: int) -> bool:
    """Whether a read is one of another transaction's version, or of the initial one; anomalies go to `found`."""
    if writer == INITIAL:
        return True
    read = f"#{table.index(txn)} read {show(value)} from {show(name)}"
    if writer == UNWRITTEN:
        begins = f", though registers initially hold {show(table.begins_with)}" if value is None else ""
        found.add("phantom-value", name, (txn,), lambda: f"{read}{begins or ', which no transaction wrote'}")
        return False
    if (key, value) in g.doubled:
        return True
    if writer == txn:
        found.add("future-read", name, (txn,), lambda: f"{read} before it wrote that itself")
        return False
    by = f"#{table.index(writer)}"
    if table.status[writer] == FAIL:
        found.add("aborted-read", name, (writer, txn), lambda: f"{read}, which {by} wrote and aborted")
    if (key, value) in g.overwritten:
        found.add("intermediate-read", name, (writer, txn), lambda: f"{read}, which {by} itself overwrote")
    return True


def initial_hint(table: Table, found: Locals) -> str:
    """Where one value explains all reads of what no transaction wrote: registers may begin with it."""
    if table.begins_with is not None or "phantom-value" not in found.found:
        return ""
    written = {(key, value) for micros in table.micros for f, key, value in micros if f == "w"}
    ok = [micros for micros, status in zip(table.micros, table.status.tolist(), strict=True) if status == OK]
    reads = [(key, value) for micros in ok for f, key, value in micros if f == "r"]
    unknown = {value for key, value in reads if value is not None and (key, value) not in written}
    if len(unknown) != 1 or any(value is None for _, value in reads):
        return ""
    value = unknown.pop()
    return f" If registers initially hold {show(value)}, check with --initial {argument(value)}."
