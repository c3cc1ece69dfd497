"""JSON lines, one event per line, as our own runs record them: {"type": "invoke", "process": 0, "f": "write",
"key": "x", "input": 1, "time": ns, "node": "n1"} and {"type": "ok" | "fail" | "info", "process": 0, "f": ...,
"output": ..., "time": ns, "error": ...}. Lines of the type "nemesis" are passed over.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from checker.formats import jsonl
from checker.formats.columns import TIME_MAX, Loaded, encode
from checker.formats.events import INVOKE, KINDS, Events, pair
from checker.formats.source import Source
from checker.history import OK, Column, Tables

NAME = "jsonl-events"

Time = Annotated[int, msgspec.Meta(ge=-TIME_MAX, le=TIME_MAX)]


class Line(msgspec.Struct, gc=False):
    """One line; a field that may be absent is UNSET when it is."""

    type: Literal["invoke", "ok", "fail", "info", "nemesis"]
    process: int | str | msgspec.UnsetType | None = msgspec.UNSET
    f: str | msgspec.UnsetType | None = msgspec.UNSET
    key: Any = msgspec.UNSET
    input: Any = msgspec.UNSET
    output: Any = msgspec.UNSET
    time: Time | msgspec.UnsetType | None = msgspec.UNSET
    node: str | msgspec.UnsetType | None = msgspec.UNSET
    error: Any = msgspec.UNSET


_NEMESIS = -2
_KIND = {**KINDS, "nemesis": _NEMESIS}


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    tables = Tables()
    pieces: list[dict[str, Column]] = []
    timed: bool | None = None
    for columns, lines in jsonl.columns(source, msgspec.json.Decoder(Line)):
        kind = np.fromiter(map(_KIND.__getitem__, columns["type"]), np.int64, len(lines))
        if _NEMESIS in kind:
            clients = np.flatnonzero(kind != _NEMESIS).tolist()
            if not clients:
                continue
            columns = {name: [column[row] for row in clients] for name, column in columns.items()}
            kind, lines = kind[clients], lines[clients]
        _refuse_absent(source, columns, lines, "process", np.ones(len(lines), dtype=bool))
        _refuse_absent(source, columns, lines, "f", kind == INVOKE)
        times = columns["time"]
        if timed is None:
            timed = _is_given(times[0])
        for row, moment in enumerate(times):
            if _is_given(moment) != timed:
                has = "no time, but earlier events have" if timed else "a time, but earlier events have none"
                raise source.error(f"has {has}", int(lines[row]))
        given = jsonl.codes(tables.value, columns["input"])
        returned = jsonl.codes(tables.value, columns["output"])
        pieces.append(
            {
                "line": lines,
                "kind": kind,
                "process": encode(tables.process, columns["process"]),
                "f": encode(tables.f, _null(columns["f"]), source.aliases),
                "key": jsonl.codes(tables.key, columns["key"]),
                "value": np.where(kind == INVOKE, given, np.where(kind == OK, returned, 0)),
                "node": jsonl.codes(tables.node, columns["node"]),
                "error": encode(tables.error, _texts(columns["error"])),
                "time": np.array(times if timed else [0] * len(lines), dtype=np.int64),
            }
        )
    if not pieces:
        raise source.error("holds no operations")
    whole = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    pieces.clear()
    time = whole.pop("time")
    return pair(Events(tables=tables, time=time if timed else None, **whole), source)


def _is_given(value: Any) -> bool:
    return value is not None and value is not msgspec.UNSET


def _null(column: Any) -> list[Any]:
    return [None if value is msgspec.UNSET else value for value in column]


def _texts(column: Any) -> list[str | None]:
    """Errors as text, whatever a recorder put there."""
    return [(value if type(value) is str else repr(value)) if _is_given(value) else None for value in column]


def _refuse_absent(source: Source, columns: jsonl.Columns, lines: Column, name: str, needed: Any) -> None:
    column = columns[name]
    if set(map(type, column)) <= {int, str}:
        return
    for row, value in enumerate(column):
        if needed[row] and not _is_given(value):
            raise source.error(f"an event without the field {name!r}", int(lines[row]))
