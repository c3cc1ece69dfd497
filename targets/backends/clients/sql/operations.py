"""The statements of each workload's operations: one statement that commits by itself, unless `read_then_write`.

model                        table                keeps
---------------------------  -------------------  ----------------------------------------------
register, cas-register, kv   naysayer_registers   a row for each key, its value as JSON
kv-append                    naysayer_texts       a row for each key, its text
append-list                  naysayer_lists       a row for each key, its list as text: "1,2,3,"
counter                      naysayer_counters    a row for each key, its number
set                          naysayer_elements    a row for each element
txn-list-append              naysayer_txn_lists   a row for each key, its list as text
txn-rw-register              naysayer_txn_registers   a row for each key, its value as JSON
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from checker.errors import UsageError
from targets.backends.clients.sql.databases import Database


class Attempt:
    """One operation on a connection. `in_doubt`: if it failed now, it may have happened."""

    def __init__(self, database: Database, isolation: str | None = None) -> None:
        self.database = database
        self._begin = ("BEGIN",) if isolation is None else database.isolations[isolation]
        self.in_doubt = False
        self.commit: int | None = None
        """The number of its commit, where the database tells it."""
        self._commits = True

    def read(self, text: str, *values: object) -> list[Any]:
        """Rows."""
        return self.database.execute(text, *values)[0]

    def write(self, text: str, *values: object) -> int:
        """How many rows were found or changed."""
        self.in_doubt = self._commits
        return self.database.execute(text, *values)[1]

    @contextmanager
    def transaction(self, *, numbered: bool = False) -> Iterator[None]:
        """What is read and written within is committed at the end, at the level of isolation that was asked for, or
        else the one that the database is set to. `numbered`: it writes, and its commit gets a number."""
        for text in self._begin:
            self.database.execute(text)
        self._commits = False
        yield
        self.in_doubt = True
        if numbered:
            self.commit = self.database.commit()
        else:
            self.database.execute("COMMIT")


Carry = Callable[[Attempt, Any, Any], Any]
"""Carries out an operation on a key with an input; returns its output."""


class Table:
    """A table with the key `k` and other columns, and the operations on it."""

    def __init__(self, name: str, columns: str, *, read_then_write: bool = False) -> None:
        self.name = name
        self._columns = columns
        self._read_then_write = read_then_write

    def create(self, database: Database) -> None:
        """Make the table unless it is there."""
        columns = self._columns.format_map(database.types)
        database.execute(f"CREATE TABLE IF NOT EXISTS {self.name} ({columns}) {database.types['after']}")

    def put(self, attempt: Attempt, key: Any, column: str, value: Any, merged: str = "{given}") -> None:
        """Insert a row, or set its column; `merged` is the new value where there is one: {old} and {given} stand for
        what was there and what was given."""
        database = attempt.database
        new = merged.format(old=f"{self.name}.{column}", given=database.given.format(column))
        text = f"INSERT INTO {self.name} (k, {column}) VALUES (%s, %s) {database.conflict} {column} = {new}"
        attempt.write(text, key, value)

    def get(self, attempt: Attempt, key: Any, column: str) -> Any:
        """The column of a key's row; None if there is none."""
        rows = attempt.read(f"SELECT {column} FROM {self.name} WHERE k = %s", key)
        return rows[0][0] if rows else None

    def merge(self, attempt: Attempt, key: Any, column: str, value: Any, merged: str) -> None:
        """Put `value` to what is there: in one statement, or read, then written, in one transaction."""
        if not self._read_then_write:
            self.put(attempt, key, column, value, merged)
            return
        with attempt.transaction():
            old = self.get(attempt, key, column)
            self.put(attempt, key, column, value if old is None else old + value)


class Values(Table):
    """A row for each key; `encode` and `decode` are between values and their texts, `empty` is what an absent key
    reads."""

    def __init__(
        self,
        name: str,
        encode: Callable[[Any], str],
        decode: Callable[[str], Any],
        empty: Any,
        *,
        read_then_write: bool,
    ) -> None:
        columns = "k {key} PRIMARY KEY, v {text} NOT NULL"
        super().__init__(name, columns, read_then_write=read_then_write)
        self._encode = encode
        self._decode = decode
        self._empty = empty

    def read(self, attempt: Attempt, key: Any, _: Any) -> Any:
        text = self.get(attempt, key, "v")
        return self._empty if text is None else self._decode(text)

    def write(self, attempt: Attempt, key: Any, value: Any) -> None:
        self.put(attempt, key, "v", self._encode(value))

    def append(self, attempt: Attempt, key: Any, item: Any) -> None:
        self.merge(attempt, key, "v", self._encode(item), "{old} || {given}")

    def delete(self, attempt: Attempt, key: Any, _: Any) -> None:
        attempt.write(f"DELETE FROM {self.name} WHERE k = %s", key)

    def cas(self, attempt: Attempt, key: Any, change: Any) -> bool:
        old, new = change
        if self._read_then_write:
            with attempt.transaction():
                same = bool(self.read(attempt, key, None) == old)
                if same:
                    self.write(attempt, key, new)
            return same
        if old is None:
            try:
                return attempt.write(f"INSERT INTO {self.name} (k, v) VALUES (%s, %s)", key, self._encode(new)) == 1
            except attempt.database.duplicate:
                return False
        text = f"UPDATE {self.name} SET v = %s WHERE k = %s AND v = %s"
        return attempt.write(text, self._encode(new), key, self._encode(old)) == 1


class Transactions(Values):
    """Values on which transactions of several reads and writes run."""

    def txn(self, attempt: Attempt, _: Any, steps: Any) -> list[list[Any]]:
        """The steps [f, key, value] with what the reads found."""
        found: list[list[Any]] = []
        with attempt.transaction(numbered=any(f != "r" for f, _, _ in steps)):
            for f, key, value in steps:
                row = _json(key)
                if f == "r":
                    found.append([f, key, self.read(attempt, row, None)])
                    continue
                if f == "w":
                    self.write(attempt, row, value)
                elif self._read_then_write:
                    self.put(attempt, row, "v", (self.get(attempt, row, "v") or "") + self._encode(value))
                else:
                    self.put(attempt, row, "v", self._encode(value), "{old} || {given}")
                found.append([f, key, value])
        return found


class Counters(Table):
    """A row for each counter."""

    def __init__(self, *, read_then_write: bool) -> None:
        columns = "k {key} PRIMARY KEY, n {number} NOT NULL"
        super().__init__("naysayer_counters", columns, read_then_write=read_then_write)

    def read(self, attempt: Attempt, key: Any, _: Any) -> Any:
        return self.get(attempt, key, "n")

    def add(self, attempt: Attempt, key: Any, amount: int) -> None:
        self.merge(attempt, key, "n", amount, "{old} + {given}")


class Elements(Table):
    """A row for each element of each set."""

    def __init__(self) -> None:
        super().__init__("naysayer_elements", "k {key}, e {key}, PRIMARY KEY (k, e)")

    def read(self, attempt: Attempt, key: Any, _: Any) -> list[Any]:
        rows = attempt.read(f"SELECT e FROM {self.name} WHERE k = %s", key)
        return [msgspec.json.decode(text) for (text,) in rows]

    def add(self, attempt: Attempt, key: Any, element: Any) -> None:
        try:
            attempt.write(f"INSERT INTO {self.name} (k, e) VALUES (%s, %s)", key, _json(element))
        except attempt.database.duplicate:
            return

    def remove(self, attempt: Attempt, key: Any, element: Any) -> None:
        attempt.write(f"DELETE FROM {self.name} WHERE k = %s AND e = %s", key, _json(element))

    def contains(self, attempt: Attempt, key: Any, element: Any) -> bool:
        return bool(attempt.read(f"SELECT 1 FROM {self.name} WHERE k = %s AND e = %s", key, _json(element)))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


OPERATIONS = ("read", "write", "cas", "delete", "append", "add", "remove", "contains", "txn")
MODELS = (
    *("register", "cas-register", "kv", "kv-append", "append-list", "counter", "set"),
    *("txn-list-append", "txn-rw-register"),
)


def table_of(model: str, *, read_then_write: bool) -> Table:
    """Where the operations of a workload with this model are carried out; the methods have their names.

    Raises UsageError for a model that has no statements.
    """
    match model:
        case "register" | "cas-register" | "kv":
            decode = msgspec.json.decode
            return Values("naysayer_registers", _json, decode, None, read_then_write=read_then_write)
        case "kv-append":
            return Values("naysayer_texts", str, str, None, read_then_write=read_then_write)
        case "append-list":
            return Values("naysayer_lists", _item, _items, [], read_then_write=read_then_write)
        case "txn-list-append":
            return Transactions("naysayer_txn_lists", _item, _items, [], read_then_write=read_then_write)
        case "txn-rw-register":
            decode = msgspec.json.decode
            return Transactions("naysayer_txn_registers", _json, decode, None, read_then_write=read_then_write)
        case "counter":
            return Counters(read_then_write=read_then_write)
        case "set":
            return Elements()
    raise UsageError(
        f"kind sql has no statements for workloads of the model {model}: it has those of {', '.join(MODELS)}"
    )


def _item(value: Any) -> str:
    return f"{_json(value)},"


def _items(text: str) -> Any:
    return msgspec.json.decode(f"[{text.removesuffix(',')}]")
