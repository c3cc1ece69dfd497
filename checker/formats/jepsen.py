"""Jepsen's events, whatever text they were written in: the fields of one event become a row, or a nemesis' event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.english import counted
from checker.formats.columns import Loaded
from checker.formats.events import KINDS, EventRows
from checker.formats.loose import Row
from checker.formats.micro_operations import is_transaction, name_of
from checker.formats.nemesis import Nemesis
from checker.formats.source import Source
from checker.formats.vocabulary import ALIASES
from checker.values import Token, shown

NEMESIS = "nemesis"


class JepsenEvents:
    """Gathers events. Names may be keywords or strings; :f may be absent where the value is a transaction."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rows = EventRows(source)
        self._nemesis = Nemesis()
        self._passed: dict[str, int] = {}

    def add(self, line: int, fields: Mapping[str, Any]) -> None:
        """Adds one event: process, type, f, value, key, time, error (a text). Raises HistoryError."""
        process = fields.get("process")
        kind = self._name("type", fields.get("type"), line)
        if kind not in KINDS:
            raise self._source.error(f"the type :{kind[:40]} is not one of :invoke, :ok, :fail, :info", line)
        value, f = fields.get("value"), fields.get("f")
        name = None if f is None else self._name("f", f, line)
        if isinstance(process, Token | str) and name_of(process) == NEMESIS:
            self._nemesis.add(name or "fault", value, fields.get("time"), self._rows.count)
            return
        if type(process) is Token:
            self._passed[process.text] = self._passed.get(process.text, 0) + 1
            return
        if process is not None and type(process) not in (int, str):
            raise self._source.error(f"the process {shown(process, 40)} is neither a number nor a name", line)
        if name is None:
            name = self._absent_f(kind, value, line)
        if kind == "ok" and "value" not in fields and name is not None and ALIASES.get(name, name) == "read":
            raise self._source.error("an ok read without a value: a read that found nothing has the value nil", line)
        error = fields.get("error") if kind in ("fail", "info") else None
        self._rows.add(Row(line, KINDS[kind], process, name, fields.get("key"), value, fields.get("time"), error))

    def add_row(self, row: Row) -> None:
        """Adds an event of a client that a reader has understood itself."""
        self._rows.add(row)

    def __len__(self) -> int:
        return self._rows.count

    def load(self) -> Loaded:
        """The operations. Raises HistoryError where the events make no sense."""
        for name, count in self._passed.items():
            events = counted(count, "event")
            self._source.notes.append(
                f"{events} of process {name} not judged: client processes are numbers, or names as strings"
            )
        return self._rows.load(self._nemesis)

    def _name(self, field: str, value: Any, line: int) -> str:
        if value is None:
            raise self._source.error(f"an event without :{field}", line)
        if not isinstance(value, Token | str):
            raise self._source.error(f":{field} is {shown(value, 40)}, neither a keyword nor a string", line)
        return name_of(value)

    def _absent_f(self, kind: str, value: Any, line: int) -> str | None:
        if is_transaction(value):
            return "txn"
        if kind == "invoke":
            raise self._source.error("an event without :f", line)
        return None
