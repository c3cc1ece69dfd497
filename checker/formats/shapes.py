"""What operations carry, by model: a cas needs a pair, a counter counts integers. Checked before any judging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from checker.formats.columns import Loaded
from checker.formats.source import Source
from checker.history import OK, distinct
from checker.models.priorities import incomparable, why_incomparable
from checker.values import Map, Set, shown


def _whole(value: Any) -> bool:
    return type(value) is int


def _whole_or_null(value: Any) -> bool:
    return value is None or type(value) is int


def _permits(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _text(value: Any) -> bool:
    return type(value) is str


def _text_or_null(value: Any) -> bool:
    return value is None or type(value) is str


def _list(value: Any) -> bool:
    return type(value) is tuple


def _list_or_null(value: Any) -> bool:
    return value is None or type(value) is tuple


def _truth(value: Any) -> bool:
    return type(value) is bool


def _truth_or_null(value: Any) -> bool:
    return value is None or type(value) is bool


def _pair(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2


def _numbered(value: Any) -> bool:
    return _pair(value) and type(value[0]) is int


def _offsets(value: Any) -> bool:
    return _map(value) and all(type(offset) is int for _, offset in value or ())


def _messages(value: Any) -> bool:
    return _map(value) and all(_list_or_null(found) and all(map(_numbered, found or ())) for _, found in value or ())


def _map(value: Any) -> bool:
    return not value or type(value) is Map


Shape = tuple[Callable[[Any], bool], str]

_PAIR: Shape = (_pair, "a pair [from, to]")
_WHOLE: Shape = (_whole, "a whole number")
_TEXT: Shape = (_text, "a string")
_TEXT_OR_NULL: Shape = (_text_or_null, "a string or null")
_OFFSETS: Shape = (_offsets, "a map {key: offset}")
_MESSAGES: Shape = (_messages, "a map {key: [[offset, message], ...]}")

INPUTS: dict[tuple[str | None, str], Shape] = {
    (None, "cas"): _PAIR,
    ("counter", "add"): _WHOLE,
    ("g-counter", "add"): _WHOLE,
    ("pn-counter", "add"): _WHOLE,
    ("log", "read"): _WHOLE,
    ("semaphore", "acquire"): (_permits, "a number of permits or null"),
    ("semaphore", "release"): (_permits, "a number of permits or null"),
    ("rmw-register", "fetch-add"): _WHOLE,
    ("fenced-register", "fenced-write"): (_numbered, "a pair [generation, value]"),
    ("kv-append", "append"): _TEXT,
    ("kv-append", "write"): _TEXT_OR_NULL,
    ("kafka", "poll"): _OFFSETS,
    ("kafka", "final_poll"): _OFFSETS,
    ("kafka", "commit_offsets"): _OFFSETS,
    ("kafka", "list_committed_offsets"): (_list_or_null, "a list of keys"),
}
"""By model (None: every one) and operation."""

OUTPUTS: dict[tuple[str | None, str], Shape] = {
    (None, "cas"): (_truth_or_null, "true, false or null"),
    (None, "contains"): (_truth, "true or false"),
    ("counter", "read"): (_whole_or_null, "a whole number, or null before the first add"),
    ("g-counter", "read"): _WHOLE,
    ("pn-counter", "read"): _WHOLE,
    ("kafka", "send"): _WHOLE,
    ("kafka", "poll"): _MESSAGES,
    ("kafka", "final_poll"): _MESSAGES,
    ("kafka", "list_committed_offsets"): _OFFSETS,
    ("log", "append"): (_whole_or_null, "an offset or null"),
    ("generation", "next"): _WHOLE,
    ("rmw-register", "fetch-add"): (_whole_or_null, "a whole number, or null of an empty register"),
    ("fenced-register", "next"): _WHOLE,
    ("set", "read"): (_list_or_null, "a list"),
    ("g-set", "read"): (_list_or_null, "a list"),
    ("broadcast", "read"): (_list_or_null, "a list"),
    ("append-list", "read"): (_list_or_null, "a list"),
    ("kv-append", "read"): _TEXT_OR_NULL,
}
"""The same for what an `ok` operation returned."""


SETS_READ = frozenset({"set", "g-set", "broadcast"})
"""Models whose reads return all elements: as a list, or as a set where the format has sets."""


def sets_as_lists(loaded: Loaded) -> None:
    """Makes the sets that reads returned lists of their elements."""
    history = loaded.history
    table = history.tables.value
    rows = np.flatnonzero(history.f == history.tables.f.code("read"))
    for code in distinct(history.output[rows]).tolist():
        if isinstance(table.values[code], Set):
            history.output[rows[history.output[rows] == code]] = table.code(table.values[code].in_order())


def validate_shapes(loaded: Loaded, model: str, source: Source) -> None:
    """Raises HistoryError for the first operation whose input or output cannot be one of this model's."""
    history = loaded.history
    if model == "priority-queue" and (odd := incomparable(history)) is not None:
        raise source.error(why_incomparable(history, odd), int(loaded.lines[odd[0]]))
    tables = history.tables
    for f in distinct(history.f):
        name = tables.f.values[f]
        rows = np.flatnonzero(history.f == f)
        returned = rows[history.status[rows] == OK]
        for what, shapes, column, where in (
            ("input", INPUTS, history.input, rows),
            ("output", OUTPUTS, history.output, returned),
        ):
            shape = shapes.get((model, name)) or shapes.get((None, name))
            if shape is None:
                continue
            fits, wanted = shape
            wrong = [code for code in distinct(column[where]) if not fits(tables.value.values[code])]
            if wrong:
                row = int(where[np.isin(column[where], wrong)][0])
                value = shown(tables.value.values[column[row]])
                raise source.error(f"{name} with the {what} {value}, not {wanted}", int(loaded.lines[row]))
