"""Reads that are invoked with a value. It may be a key, a version, or a copy of what was found."""

from __future__ import annotations

import numpy as np

from checker.formats.columns import Loaded
from checker.formats.keys import Keys
from checker.formats.source import Source
from checker.formats.vocabulary import PROMISES, WITHOUT_INPUT
from checker.history import OK
from checker.values import shown

_WITH_INPUT = frozenset({"log"})
"""Models whose reads have an input."""

_FINAL = "final"
"""What our own workloads invoke their last reads with."""


def clear(loaded: Loaded, model: str, source: Source, keys: Keys | None) -> None:
    """Clears what reads were invoked with, where it is known to mean nothing, and notes it.

    Raises HistoryError for a read that returned something else, unless `keys` is "none": then the user decided.
    """
    history = loaded.history
    names, values = history.tables.f.values, history.tables.value.values
    if model in _WITH_INPUT:
        return
    asking = [code for code, name in enumerate(names) if name in WITHOUT_INPUT and name != "acquire"]
    rows = np.flatnonzero(np.isin(history.f, asking) & (history.input != 0))
    if model in PROMISES:
        rows = rows[history.input[rows] != history.tables.value.code(_FINAL)]
    if not len(rows):
        return
    other = rows[(history.status[rows] == OK) & (history.input[rows] != history.output[rows])]
    if len(other) and keys != "none":
        row = int(other[0])
        f, asked, found = names[history.f[row]], values[history.input[row]], values[history.output[row]]
        raise source.error(
            f"{f} is invoked with {shown(asked)} and returns {shown(found)}: what it asked for is not clear; "
            "if it is a key, record it in the field key or use [key value]; --keys none ignores it",
            int(loaded.lines[row]),
        )
    first = int(rows[0])
    what = "ignored, because of --keys none" if len(other) else "it repeats what they returned"
    source.notes.append(
        f"{len(rows)} {names[history.f[first]]} operations are invoked with a value "
        f"(first at line {int(loaded.lines[first])}: {shown(values[history.input[first]], 40)}): {what}"
    )
    history.input[rows] = 0
