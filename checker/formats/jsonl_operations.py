"""JSON lines, one operation per line: {"client": 0, "call": ns, "return": ns or null, "op": "read", "key": "0",
"input": ..., "output": ...}; `return` null: the outcome is unknown. Optional: "status" (ok, fail, info), node, error.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np

from checker.formats import jsonl
from checker.formats.columns import TIME_MAX, Loaded
from checker.formats.source import Source
from checker.formats.vocabulary import WITHOUT_INPUT
from checker.history import FAIL, INFO, OK, PENDING, STATUSES, Column, History, Status

NAME = "jsonl-operations"

Time = Annotated[int, msgspec.Meta(ge=-TIME_MAX, le=TIME_MAX)]


class Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One line; a field that is absent is UNSET. Unknown ones are refused: they could be a misspelt output."""

    client: int | str
    op: str
    call: Time
    ret: Time | None = msgspec.field(name="return")
    key: Any = msgspec.UNSET
    input: Any = msgspec.UNSET
    output: Any = msgspec.UNSET
    status: Status | msgspec.UnsetType = msgspec.UNSET
    node: str | msgspec.UnsetType | None = msgspec.UNSET
    error: str | msgspec.UnsetType | None = msgspec.UNSET


_STATUS = {name: number for number, name in enumerate(STATUSES)}


def load(source: Source) -> Loaded:
    """Reads the operations. Raises HistoryError with the line of the first that makes no sense."""
    tables = source.tables()
    pieces: list[dict[str, Column]] = []
    for columns, lines in jsonl.columns(source, msgspec.json.Decoder(Line), salvage=_salvage):
        call = np.array(columns["call"].values, dtype=np.int64)
        returns = columns["ret"].values
        if type(None) in columns["ret"].kinds:
            returns = [PENDING if instant is None else instant for instant in returns]
        ret = np.array(returns, dtype=np.int64)
        status = _status(source, columns, ret, lines)
        early = np.flatnonzero(ret < call)
        if len(early):
            at = int(early[0])
            raise source.error(f"returns at {ret[at]}, before its call at {call[at]}", int(lines[at]))
        pieces.append(
            {
                "lines": lines,
                "call": call,
                "ret": np.where(status == INFO, PENDING, ret),
                "status": status,
                "f": columns["op"].codes(tables.f),
                "process": columns["client"].codes(tables.process),
                "key": columns["key"].codes(tables.key),
                "input": columns["input"].codes(tables.value),
                "output": np.where(status == OK, columns["output"].codes(tables.value), 0),
                "node": columns["node"].codes(tables.node),
                "error": columns["error"].codes(tables.error),
            }
        )
    if not pieces:
        raise source.error("contains no operations")
    whole = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    order = np.argsort(whole["call"], kind="stable")
    if np.any(order[1:] < order[:-1]):
        whole = {name: column[order] for name, column in whole.items()}
    lines = whole.pop("lines")
    return Loaded(History(tables, index=np.arange(len(lines), dtype=np.int64), **whole), lines)


def _salvage(decoder: msgspec.json.Decoder[Line], line: bytes) -> tuple[str, Line | None]:
    """What is certain of a line that was cut off. Other operations may have seen its effect, so it counts as pending
    if what it asked for is there; a read has none."""
    at = len(line)
    while (at := line.rfind(b",", 0, at)) > 0:
        try:
            row = decoder.decode(line[:at] + b',"status":"info"}')
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
        if row.op in WITHOUT_INPUT:
            return "", None
        if row.input is not msgspec.UNSET:
            return f"; its {row.op} counts as pending", row
        break
    return "; if it was a write, reads of its value will look wrong", None


def _status(source: Source, columns: jsonl.Columns, ret: Column, lines: Column) -> Column:
    """ok where an operation returned and info where it did not, unless the line says it."""
    inferred = np.where(ret == PENDING, INFO, OK)
    if columns["status"].absent:
        return inferred
    given = columns["status"].values
    status = np.array([_STATUS.get(name, -1) for name in given], dtype=np.int64)
    endless = np.flatnonzero(((status == OK) | (status == FAIL)) & (ret == PENDING))
    if len(endless):
        at = int(endless[0])
        raise source.error(f"has the status {given[at]!r} but no return time", int(lines[at]))
    return np.where(status < 0, inferred, status)
