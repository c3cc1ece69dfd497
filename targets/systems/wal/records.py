"""What the store logs. Three kinds of records express every operation, so that replaying needs no decisions.

A record is a line of fields separated by tabs (JSON text contains none): `clear key`, `add key item`,
`done request output`. Adding to a string concatenates; adding to an absent key sets it. A replaced value is cleared
and added, two records: that is why a batch must be there whole or not at all.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

import msgspec

from checker.errors import TargetError


class Clear(NamedTuple):
    """The key holds nothing."""

    key: Any


class Add(NamedTuple):
    """The key holds what it held, and this."""

    key: Any
    item: Any


class Done(NamedTuple):
    """A client's request was executed and answered so: it must not be executed again."""

    request: str
    output: Any


Record = Clear | Add | Done

_KINDS: dict[str, type[Clear] | type[Add] | type[Done]] = {"clear": Clear, "add": Add, "done": Done}
_NAMES = {kind: name.encode() for name, kind in _KINDS.items()}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def encode(record: Record) -> bytes:
    """A record as it stands in the log."""
    return b"\t".join([_NAMES[type(record)], *(_encode(field) for field in record)])


def decode(data: bytes) -> Record:
    """The record again. Raises TargetError for bytes that are none."""
    name, *fields = data.split(b"\t")
    try:
        return _KINDS[name.decode()](*(_decode(field) for field in fields))
    except (KeyError, TypeError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise TargetError(f"key-value store: {data[:80]!r} in the log is not a record") from error


def redo(record: Clear | Add, values: MutableMapping[Any, Any]) -> None:
    """Carry out a change. Not idempotent: an item added twice is there twice."""
    if isinstance(record, Clear):
        values[record.key] = None
        return
    held = values.get(record.key)
    values[record.key] = held + record.item if isinstance(held, str) else record.item
