"""JSON lines decoded by msgspec a piece at a time: fast where all is well, exact about the line where it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from checker.formats.columns import encode
from checker.formats.source import Source
from checker.history import Column, Table

Row = TypeVar("Row", bound=msgspec.Struct)
Columns = dict[str, Sequence[Any]]

_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for bad input (UnicodeDecodeError is a ValueError)."""


def columns(source: Source, decoder: msgspec.json.Decoder[Row]) -> Iterator[tuple[Columns, Column]]:
    """The columns of each piece (by the names of the row's fields) and the lines of its rows.

    No line may name a field twice. The proof is a count: the colons outside strings are the fields that were written,
    the rows hold each known field once, so equal counts leave no room for twins. Where they differ (an unknown field,
    a nested value, a colon in a string) the piece is gone through line by line. Raises HistoryError with the line.
    """
    names = decoder.type.__struct_fields__
    for first, piece in source.pieces():
        try:
            rows = decoder.decode_lines(piece)
        except _BROKEN:
            rows = []
        count = piece.count(b"\n") + (not piece.endswith(b"\n"))
        if len(rows) == count:
            lines = np.arange(first, first + count, dtype=np.int64)
            split = _split(rows, names)
            if sum(map(_given, split.values())) == piece.count(b":"):
                yield split, lines
                continue
        rows, numbers = _line_by_line(source, decoder, first, piece)
        if rows:
            yield _split(rows, names), np.array(numbers, dtype=np.int64)


def codes(table: Table, column: Sequence[Any]) -> Column:
    """The codes of a column in which absent fields count as null."""
    given = _given(column)
    if not given:
        return np.zeros(len(column), dtype=np.int64)
    if given < len(column):
        column = [None if value is msgspec.UNSET else value for value in column]
    return encode(table, column)


def _split(rows: list[Row], names: tuple[str, ...]) -> Columns:
    return dict(zip(names, zip(*map(msgspec.structs.astuple, rows), strict=True), strict=True))


def _given(column: Sequence[Any]) -> int:
    """How many rows have this field."""
    kinds = set(map(type, column))
    if msgspec.UnsetType not in kinds:
        return len(column)
    return 0 if len(kinds) == 1 else len(column) - column.count(msgspec.UNSET)


def _line_by_line(
    source: Source, decoder: msgspec.json.Decoder[Row], first: int, piece: bytes
) -> tuple[list[Row], list[int]]:
    rows: list[Row] = []
    lines: list[int] = []
    for number, line in enumerate(piece.split(b"\n"), first):
        if not line.strip():
            continue
        try:
            row = decoder.decode(line)
            given = sum(value is not msgspec.UNSET for value in msgspec.structs.astuple(row))
            if line.count(b":") != given:
                json.loads(line, object_pairs_hook=_refuse_twins)
        except _BROKEN as error:
            raise source.error(_sentence(error), number) from None
        rows.append(row)
        lines.append(number)
    return rows, lines


class _TwinError(ValueError):
    """A JSON object names a field twice; which of the two counts is anybody's guess."""


def _refuse_twins(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _TwinError(f"the field {name!r:.60} is there twice")
        seen.add(name)


def _sentence(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "values are nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "holds bytes that are not UTF-8"
    if isinstance(error, msgspec.ValidationError):
        what, _, where = str(error).partition(" - at `$")
        field = where.strip("`.")
        what = what.replace("`", "")
        return f"field {field}: {what[:1].lower()}{what[1:]}" if field else f"is no operation: {what}"
    if isinstance(error, _TwinError):
        return str(error)
    if "truncated" in str(error):
        return "the line ends in the middle of its JSON"
    return f"is no JSON object on one line ({error})"
