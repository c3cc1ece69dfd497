"""JSON lines, one event per line, as our own runs record them: {"type": "invoke", "process": 0, "f": "write",
"key": "x", "input": 1, "time": ns, "node": "n1"} and {"type": "ok" | "fail" | "info", "process": 0, "f": ...,
"output": ..., "time": ns, "error": ...}. Lines of the type "nemesis" are faults, for the report.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from checker.formats import jsonl
from checker.formats.columns import TIME_MAX, Loaded
from checker.formats.events import KINDS, Events, pair
from checker.formats.loose import INVOKE
from checker.formats.nemesis import Nemesis
from checker.formats.source import Source
from checker.history import NO_COMMIT, OK, Column
from checker.values import freeze

NAME = "jsonl-events"

Time = Annotated[int, msgspec.Meta(ge=-TIME_MAX, le=TIME_MAX)]
Commit = Annotated[int, msgspec.Meta(ge=0, le=TIME_MAX)]


class Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One line; a field that is absent is UNSET. Unknown ones are refused: they could be a misspelt output."""

    type: Literal["invoke", "ok", "fail", "info", "nemesis"]
    process: int | str | msgspec.UnsetType | None = msgspec.UNSET
    f: str | msgspec.UnsetType | None = msgspec.UNSET
    key: Any = msgspec.UNSET
    input: Any = msgspec.UNSET
    output: Any = msgspec.UNSET
    time: Time | msgspec.UnsetType | None = msgspec.UNSET
    node: str | msgspec.UnsetType | None = msgspec.UNSET
    error: Any = msgspec.UNSET
    commit: Commit | msgspec.UnsetType | None = msgspec.UNSET
    """A number that grows from commit to commit, where the system tells it."""
    fault: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """What a nemesis did; for the report alone."""
    detail: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


Scalar = int | str | float | bool | None
Steps = tuple[tuple[str, Scalar, Scalar | tuple[Scalar, ...]], ...] | msgspec.UnsetType | None


class Transaction(Line, gc=False, forbid_unknown_fields=True):
    """A line of a history of transactions, decoded at once to what a table holds: several times faster."""

    input: Steps = msgspec.UNSET
    output: Steps = msgspec.UNSET


class Passed(msgspec.Struct):
    """A line of the nemesis, whatever else it says."""

    type: Literal["nemesis"]


_NEMESIS = -2
_KIND = {**KINDS, "nemesis": _NEMESIS}


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    tables = source.tables()
    pieces: list[dict[str, Column]] = []
    timed: bool | None = None
    nemesis = Nemesis(twice=False)
    decoders = (msgspec.json.Decoder(Line), msgspec.json.Decoder(Passed), msgspec.json.Decoder(Transaction))
    for columns, lines in jsonl.columns(source, decoders[0], decoders[1], faster=decoders[2]):
        kind = np.fromiter(map(_KIND.__getitem__, columns["type"].values), np.int64, len(lines))
        if str in columns["process"].kinds:
            kind[[process == "nemesis" for process in columns["process"].values]] = _NEMESIS
        if _NEMESIS in kind:
            _note_faults(nemesis, columns, kind, sum(len(piece["line"]) for piece in pieces))
            clients = np.flatnonzero(kind != _NEMESIS)
            if not len(clients):
                continue
            columns = {name: cells.select(clients.tolist()) for name, cells in columns.items()}
            kind, lines = kind[clients], lines[clients]
        _reject_absent(source, columns["process"], lines, "process", np.ones(len(lines), dtype=bool))
        _reject_absent(source, columns["f"], lines, "f", kind == INVOKE)
        timed = _timed(source, columns["time"], lines, timed)
        transactions = columns["f"].values.count("txn") == len(lines)
        given = columns["input"].codes(tables.value, apart=transactions)
        returned = columns["output"].codes(tables.value, apart=transactions)
        pieces.append(
            {
                "line": lines,
                "kind": kind,
                "process": columns["process"].codes(tables.process),
                "f": columns["f"].codes(tables.f),
                "key": columns["key"].codes(tables.key),
                "value": np.where(kind == INVOKE, given, np.where(kind == OK, returned, 0)),
                "node": columns["node"].codes(tables.node),
                "error": _texts(columns["error"]).codes(tables.error),
                "commit": _commits(columns["commit"]),
                "time": np.array(columns["time"].values if timed else [0] * len(lines), dtype=np.int64),
            }
        )
    if not pieces:
        raise source.error("contains no operations")
    whole = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    pieces.clear()
    time, commit = whole.pop("time"), whole.pop("commit")
    told = commit if (commit != NO_COMMIT).any() else None
    return pair(Events(tables=tables, time=time if timed else None, commit=told, **whole), source, nemesis)


def _commits(cells: jsonl.Cells) -> Column:
    if cells.absent:
        return np.full(len(cells.values), NO_COMMIT)
    return np.array([value if type(value) is int else NO_COMMIT for value in cells.values], dtype=np.int64)


def _note_faults(nemesis: Nemesis, columns: jsonl.Columns, kind: Column, before: int) -> None:
    """Hands the nemesis' lines on, each with its time and the number of client events before it."""
    for row in np.flatnonzero(kind == _NEMESIS).tolist():
        f, time, raw = (columns[name].values[row] for name in ("f", "time", "fault"))
        try:
            fault = msgspec.json.decode(raw) if isinstance(raw, msgspec.Raw) else {}
        except (msgspec.MsgspecError, ValueError, RecursionError):
            fault = {}
        fault = fault if isinstance(fault, dict) else {}
        name = "partition" if f == "cut" else f if isinstance(f, str) else "fault"
        if fault.get("undo") or (name == "skew" and not fault.get("offset_ms") and fault.get("rate", 1.0) == 1.0):
            name = f"reset-{name}"
        detail = next((fault[part] for part in ("shape", "nodes", "node", "to") if fault.get(part)), None)
        nemesis.add(name, freeze(detail), time, before + int(np.count_nonzero(kind[:row] != _NEMESIS)))


def _is_given(value: Any) -> bool:
    return value is not None and value is not msgspec.UNSET


def _timed(source: Source, times: jsonl.Cells, lines: Column, timed: bool | None) -> bool:
    """Whether the events have times: all of them or none."""
    if times.kinds == {int}:
        present = np.ones(len(lines), dtype=bool)
    else:
        present = np.fromiter(map(_is_given, times.values), bool, len(lines))
    timed = bool(present[0]) if timed is None else timed
    odd = np.flatnonzero(present != timed)
    if len(odd):
        has = "no time, but earlier events have one" if timed else "a time, but earlier events have none"
        raise source.error(f"has {has}", int(lines[odd[0]]))
    return timed


def _texts(errors: jsonl.Cells) -> jsonl.Cells:
    """Errors as text, whatever a recorder put there."""
    if errors.absent:
        return errors
    return jsonl.Cells.of([repr(v) if _is_given(v) and type(v) is not str else v for v in errors.values])


def _reject_absent(source: Source, cells: jsonl.Cells, lines: Column, name: str, needed: NDArray[np.bool_]) -> None:
    if cells.kinds <= {int, str}:
        return
    for row, value in enumerate(cells.values):
        if needed[row] and not _is_given(value):
            raise source.error(f"an event without the field {name!r}", int(lines[row]))
