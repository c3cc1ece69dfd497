"""Which object an operation is on: a field of the event, or the first half of its value.

Tests with jepsen.independent put the key into the value: a write of 3 to key 0 is invoked with [0 3], a read with
[0 nil], a cas from 3 to 4 with [0 [3 4]]. Read as one register of pairs, healthy systems would stand accused; a
register that really holds pairs, split by their first halves, would pass for correct. So both must be certain: reads
invoked with [key nil] show the first, reads invoked with nil the second. What shows neither is refused.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from checker.english import counted
from checker.formats.columns import Loaded
from checker.formats.source import Source
from checker.formats.vocabulary import WITHOUT_INPUT
from checker.history import OK, Column, distinct
from checker.values import shown

Keys = Literal["tuple", "field", "none"]

_DECIDE = (
    "use --keys tuple if the value is [key value], --keys none if there is one object, or --keys field if each event "
    "names its key"
)
_ASKING = WITHOUT_INPUT | {"release", "delete"}
"""Operations that are invoked with nothing but, perhaps, their key: [key nil]."""

_FINDING = (WITHOUT_INPUT - {"acquire"}) | {"contains"}
"""Operations whose completion says what was found, so with its key if keys are in values."""

_OTHER = frozenset({"txn", "echo", "send", "poll", "final_poll", "commit_offsets", "list_committed_offsets"})
"""Operations that have values of a form of their own."""


def split(loaded: Loaded, source: Source, keys: Keys | None) -> str | None:
    """Moves keys from values to the key column, where `keys` or the history says so; returns how keys were read.

    None if there is nothing to say. Raises HistoryError where the history does not say it.
    """
    history = loaded.history
    if keys == "none":
        if not history.key.any():
            return None
        history.key = np.zeros_like(history.key)
        return "the field key is not used"
    if keys == "field":
        return None
    if keys is None and not _holds_keys(loaded, source):
        return None
    _split(loaded, source)
    count = len(distinct(history.key))
    return f"keys taken from [key value] ({counted(count, 'key')})"


def _holds_keys(loaded: Loaded, source: Source) -> bool:
    history = loaded.history
    names = history.tables.f.values
    values = history.tables.value.values
    used = {names[code] for code in distinct(history.f).tolist()}
    if used & _OTHER or (used <= {"next", "read", "fenced-write"} and "fenced-write" in used):
        return False
    reads = _named(loaded, _ASKING)
    if reads.any() and not history.input[reads].any():
        return False
    others = ~reads
    asked = {int(code) for code in distinct(history.input[reads])}
    given = {(names[f], int(code)) for f, code in _pairs_of(history.f[others], history.input[others])}
    keyed = {code for code in asked if _pair(values[code]) and values[code][1] is None}
    whole = [code for f, code in given if not _keyed(f, values[code])]
    if asked and asked == keyed and not whole and not history.key.any():
        return True
    pairs = {code for code in asked if _pair(values[code])}
    if not asked:
        # without a single read only pairs everywhere leave a doubt, and a cas alone shows pairs in any case
        doubt = bool(given) and not whole and not history.key.any()
        rows = np.flatnonzero(others)
    else:
        doubt = bool(keyed) or (bool(pairs) and not whole and not history.key.any())
        rows = np.flatnonzero(reads & np.isin(history.input, sorted(pairs)))
    if not doubt:
        return False
    row = int(rows[0])
    f, value = names[history.f[row]], values[history.input[row]]
    raise source.error(
        f"{f} is invoked with {shown(value)}: it is not certain whether this is [key value]; {_DECIDE}",
        int(loaded.lines[row]),
    )


def _named(loaded: Loaded, wanted: frozenset[str]) -> NDArray[np.bool_]:
    history = loaded.history
    return np.isin(history.f, [code for code, name in enumerate(history.tables.f.values) if name in wanted])


def _pairs_of(f: Column, value: Column) -> set[tuple[int, int]]:
    return set(zip(f.tolist(), value.tolist(), strict=True))


def _pair(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2


def _keyed(f: str, value: Any) -> bool:
    """Whether an input may be [key value]."""
    return _pair(value) and (f != "cas" or _pair(value[1]))


def _split(loaded: Loaded, source: Source) -> None:
    history = loaded.history
    if history.key.any():
        row = int(np.flatnonzero(history.key)[0])
        raise source.error(
            "has a field key beside its value: --keys field uses it, --keys none ignores it",
            int(loaded.lines[row]),
        )
    key, given = _halves(loaded, history.input)
    names = history.tables.f.values
    lacking = np.flatnonzero(key < 0)
    if len(lacking):
        row = int(lacking[0])
        f, value = names[history.f[row]], history.tables.value.values[history.input[row]]
        raise source.error(f"{f} is invoked with {shown(value)}, not with [key value]", int(loaded.lines[row]))
    other, returned = _halves(loaded, history.output)
    ok = history.status == OK
    silent = (other < 0) & _named(loaded, _FINDING)
    wrong = np.flatnonzero(ok & (((other >= 0) & (other != key)) | silent))
    if len(wrong):
        row = int(wrong[0])
        f, asked = names[history.f[row]], history.tables.key.values[key[row]]
        value = history.tables.value.values[history.output[row]]
        raise source.error(f"{f} on key {shown(asked, 40)} completes with {shown(value)}", int(loaded.lines[row]))
    history.key, history.input = key, given
    history.output = np.where(other >= 0, returned, history.output)


def _halves(loaded: Loaded, column: Column) -> tuple[Column, Column]:
    """The codes of the keys (-1: no pair) and of the values that a column of [key value] holds."""
    tables = loaded.history.tables
    keys: dict[int, int] = {}
    rests: dict[int, int] = {}
    for code in distinct(column).tolist():
        value = tables.value.values[code]
        pair = _pair(value)
        keys[code] = tables.key.code(value[0]) if pair else -1
        rests[code] = tables.value.code(value[1]) if pair else code
    codes = column.tolist()
    return (
        np.fromiter((keys[code] for code in codes), np.int64, len(codes)),
        np.fromiter((rests[code] for code in codes), np.int64, len(codes)),
    )
