"""Inputs and outputs from Jepsen's events, which have one `:value` each."""

from __future__ import annotations

import numpy as np

from checker.formats.columns import Loaded
from checker.formats.micro_operations import named
from checker.formats.source import Source
from checker.history import OK, Column, distinct
from checker.values import Token, shown

_EFFECTS = (
    "write",
    "delete",
    "append",
    "add",
    "remove",
    "enqueue",
    "push",
    "insert",
    "release",
    "fenced-write",
    "broadcast",
)
"""Operations whose completion echoes their input, or says nothing."""


def inputs_and_outputs(loaded: Loaded, source: Source) -> None:
    """From the one :value of each event to inputs and outputs.

    The completion of a write echoes its input; a cas completes with its pair again (it took effect) or a boolean; of
    all others the completion's value is the output. Raises HistoryError for a write or cas that completes with
    another value than it was invoked with: which of the two was written is not known.
    """
    history = loaded.history
    true = history.tables.value.code(True)
    for code in distinct(history.f).tolist():
        f = history.tables.f.values[code]
        rows = np.flatnonzero(history.f == code)
        if f in ("write", "cas"):
            _reject_changed(loaded, source, f, rows)
        if f in _EFFECTS:
            history.output[rows] = 0
        elif f == "cas":
            returned = np.isin(history.output[rows], [true, history.tables.value.code(False)])
            history.output[rows] = np.where(
                history.status[rows] == OK, np.where(returned, history.output[rows], true), 0
            )
        elif f == "txn":
            history.input[rows] = named(history, history.input[rows])
            history.output[rows] = named(history, history.output[rows])


def _reject_changed(loaded: Loaded, source: Source, f: str, rows: Column) -> None:
    history = loaded.history
    values = history.tables.value.values
    ended = rows[(history.status[rows] == OK) & (history.output[rows] != 0)]
    changed = ended[history.output[ended] != history.input[ended]]
    for row in changed.tolist():
        returned, asked = values[history.output[row]], values[history.input[row]]
        if _acknowledges(returned, f):
            continue
        versions = (
            type(returned) is type(asked) is tuple and len(returned) == len(asked) == 2 and returned[1] == asked[1]
        )
        raise source.error(
            f"the {f} of {shown(asked)} completes with {shown(returned)}"
            + (
                ": [version value] pairs, as of Jepsen's etcd test, are not judged; record the value alone"
                if versions
                else ", so what was written is not known"
            ),
            int(loaded.lines[row]),
        )


def _acknowledges(value: object, f: str) -> bool:
    """Whether a completion's value says no more than that it is done."""
    if type(value) is bool:
        return f == "cas" or value
    text = value.name if isinstance(value, Token) else value
    return isinstance(text, str) and text.lower() == "ok"
