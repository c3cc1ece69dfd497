"""JSON lines decoded by msgspec a piece at a time: fast where all is well, exact about the line where it is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
import numpy as np

from checker.formats.source import Source
from checker.history import Column, Table

Row = TypeVar("Row", bound=msgspec.Struct)

_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for bad input (UnicodeDecodeError is a ValueError)."""


@dataclass(frozen=True)
class Cells:
    """A column of decoded values and their types; a field that a line did not have is UNSET."""

    values: Sequence[Any]
    kinds: AbstractSet[type]

    @classmethod
    def of(cls, values: Sequence[Any]) -> Cells:
        return cls(values, set(map(type, values)))

    @classmethod
    def nothing(cls, length: int) -> Cells:
        """A field that no line has."""
        return cls([msgspec.UNSET] * length, {msgspec.UnsetType})

    @property
    def absent(self) -> bool:
        """True if no line had this field, or all had null."""
        return self.kinds <= _ABSENT

    @property
    def colons(self) -> int:
        """How many colons its fields account for: one each, and those inside of what was kept raw."""
        if msgspec.UnsetType in self.kinds:
            if len(self.kinds) == 1:
                return 0
            given = len(self.values) - self.values.count(msgspec.UNSET)
        else:
            given = len(self.values)
        if msgspec.Raw in self.kinds:
            given += sum(bytes(raw).count(b":") for raw in self.values if raw is not msgspec.UNSET)
        return given

    def codes(self, table: Table, *, apart: bool = False) -> Column:
        """The codes of the values; absent counts as null. `apart`: no two of the tuples are worth comparing, as of
        transactions that write unique values."""
        if self.absent:
            return np.zeros(len(self.values), dtype=np.int64)
        if apart and self.kinds <= _APART:
            return table.codes_apart(self.values)
        return table.codes(self.values, self.kinds)

    def select(self, rows: Sequence[int]) -> Cells:
        return Cells.of([self.values[row] for row in rows])


_APART = frozenset({tuple, msgspec.UnsetType, type(None)})
_ABSENT = frozenset({msgspec.UnsetType, type(None)})

Columns = dict[str, Cells]


Salvage = Callable[[msgspec.json.Decoder[Row], bytes], tuple[str, Row | None]]
"""What to do with a last line that is cut off: what the report should add, and what can be kept of the line."""


def left_out(decoder: msgspec.json.Decoder[Row], line: bytes) -> tuple[str, Row | None]:
    """Keeps nothing: where events are recorded as they happen, no operation can have seen the last one."""
    return "", None


def columns(
    source: Source,
    decoder: msgspec.json.Decoder[Row],
    passed_over: msgspec.json.Decoder[Any] | None = None,
    salvage: Salvage[Row] = left_out,
    faster: msgspec.json.Decoder[Any] | None = None,
) -> Iterator[tuple[Columns, Column]]:
    """The columns of each piece (by the names of the row's fields) and the lines of its rows.

    No line may name a field twice. The proof is a count: the colons outside strings are the fields that were written,
    the rows hold each known field once, so equal counts rule out duplicates. Where they differ (an unknown field,
    a nested value, a colon in a string) the piece is gone through line by line. A line that is no row, but one for
    `passed_over`, is left out; a last line that is cut off goes to `salvage`. `faster` is tried first, as long as all
    lines fit it. Raises HistoryError with the line.
    """
    names = dict(zip(decoder.type.__struct_fields__, decoder.type.__struct_encode_fields__, strict=True))
    for first, piece in source.pieces():
        rows: list[Row] = []
        for tried in (faster, decoder):
            try:
                rows = [] if tried is None else tried.decode_lines(piece)
            except _BROKEN:
                rows = []
            if rows:
                break
            faster = None
        count = piece.count(b"\n") + (not piece.endswith(b"\n"))
        if len(rows) == count:
            lines = np.arange(first, first + count, dtype=np.int64)
            # A name that is nowhere in the text (unless with escapes, which the count reveals) has no column.
            named = {name for name, written in names.items() if b'"%b"' % written.encode() in piece}
            split = _split(source, rows, names, named, lines)
            if sum(cells.colons for cells in split.values()) == piece.count(b":"):
                yield split, lines
                continue
        rows, numbers = _line_by_line(source, decoder, passed_over, salvage, first, piece)
        if rows:
            lines = np.array(numbers, dtype=np.int64)
            yield _split(source, rows, names, names, lines), lines


def _split(source: Source, rows: list[Row], names: Iterable[str], named: Container[str], lines: Column) -> Columns:
    split = {
        name: Cells.of(list(map(attrgetter(name), rows))) if name in named else Cells.nothing(len(rows))
        for name in names
    }
    for cells in split.values():
        if cells.kinds & _NESTED:
            for row, value in enumerate(cells.values):
                if type(value) in _NESTED and _is_deep(value):
                    raise source.error(_TOO_DEEP, int(lines[row]))
    return split


_NESTED = frozenset({list, dict})
_TOO_DEEP = "values are nested too deeply"
_DEPTH_MAX = 64


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEPTH_MAX):
        level = [
            item
            for outer in level
            for item in (outer.values() if type(outer) is dict else outer)
            if type(item) in _NESTED
        ]
        if not level:
            return False
    return True


def _line_by_line(
    source: Source,
    decoder: msgspec.json.Decoder[Row],
    passed_over: msgspec.json.Decoder[Any] | None,
    salvage: Salvage[Row],
    first: int,
    piece: bytes,
) -> tuple[list[Row], list[int]]:
    rows: list[Row] = []
    lines: list[int] = []
    for number, line in enumerate(piece.split(b"\n"), first):
        line = line.strip()
        if not line:
            continue
        try:
            row = _decode(decoder, passed_over, line)
            if row is None:
                continue
            if line.count(b":") != sum(value is not msgspec.UNSET for value in msgspec.structs.astuple(row)):
                json.loads(line, object_pairs_hook=_reject_twins)
        except _BROKEN as error:
            if _cut_off(error, line) and source.cut_off(number, surely="truncated" in str(error)):
                lost, row = salvage(decoder, line)
                source.torn(number, lost)
                if row is None:
                    continue
            else:
                raise source.error(_sentence(error), number) from None
        rows.append(row)
        lines.append(number)
    return rows, lines


def _cut_off(error: Exception, line: bytes) -> bool:
    """Whether a line without a line end is one whose writer was stopped, and not one with a fault of another kind."""
    return not isinstance(error, msgspec.ValidationError | _TwinError) and (
        "truncated" in str(error) or not line.rstrip().endswith(b"}")
    )


def _decode(
    decoder: msgspec.json.Decoder[Row], passed_over: msgspec.json.Decoder[Any] | None, line: bytes
) -> Row | None:
    try:
        return decoder.decode(line)
    except msgspec.ValidationError:
        if passed_over is None:
            raise
        try:
            passed_over.decode(line)
        except msgspec.ValidationError:
            pass
        else:
            return None
        raise


class _TwinError(ValueError):
    """A JSON object names a field twice; which of the two counts is not known."""


def _reject_twins(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _TwinError(f"has the field {name!r:.60} twice")
        seen.add(name)


def _sentence(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    if isinstance(error, UnicodeDecodeError) or "UTF-8" in str(error):  # msgspec from 0.23 on has no class for it
        return "contains bytes that are not UTF-8"
    if isinstance(error, msgspec.ValidationError):
        what, _, where = str(error).partition(" - at `$")
        field = where.strip("`.")
        what = what.replace("`", "'")
        what = what[:1].lower() + what[1:]
        return f"field {field!r}: {what}" if field else f"is neither an operation nor an event in this format: {what}"
    if isinstance(error, _TwinError):
        return str(error)
    if "truncated" in str(error):
        return "the line ends in the middle of its JSON"
    return f"is not a JSON object on one line ({error})"
