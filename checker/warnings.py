"""What a verdict cannot say but its reader should know: properties of a history that weaken or blur it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.history import INFO, OK, History

_EFFECTS = {
    "register": ("write",),
    "cas-register": ("write",),
    "kv": ("write",),
    "kv-append": ("write", "append"),
    "append-list": ("append",),
    "log": ("append",),
    "queue": ("enqueue",),
    "stack": ("push",),
    "priority-queue": ("insert",),
}
"""The operations that bring in values, of the models whose monitors rest on every value being brought in once."""

_HARMLESS = ("read", "contains", "generate")
"""Operations that change nothing for the others, so that a pending one hides nothing."""


def warnings(history: History, model: str) -> tuple[str, ...]:
    """One sentence for each thing that is amiss. Vectorised: a million operations take a tenth of a second."""
    found = (
        *history.notes,
        *_values_not_unique(history, model),
        *_pending(history),
        *_equal_times(history),
        *_two_at_once(history),
    )
    return tuple(found)


def _values_not_unique(history: History, model: str) -> list[str]:
    rows = np.flatnonzero(_named(history, _EFFECTS.get(model, ())))
    if len(rows) < 2:
        return []
    order = np.lexsort((history.input[rows], history.key[rows]))
    key, value = history.key[rows][order], history.input[rows][order]
    again = np.flatnonzero((key[1:] == key[:-1]) & (value[1:] == value[:-1]))
    if not len(again):
        return []
    first, second = sorted(history.index[rows[order[again[0] : again[0] + 2]]].tolist())
    text = _short(history.tables.value.values[value[again[0]]])
    count = len(again)
    return [
        f"values are not unique: #{first} and #{second} both bring in {text}"
        + (f", and {count - 1} more do so" if count > 1 else "")
        + "; reads cannot tell them apart, so a violation may stay unseen and the search may take long"
    ]


def _pending(history: History) -> list[str]:
    pending = (history.status == INFO) & ~_named(history, _HARMLESS)
    count = int(np.count_nonzero(pending))
    if not count:
        return []
    noun = "operation is" if count == 1 else "operations are"
    return [
        f"{count} {noun} pending: each may take effect at any time after its call or never, which can mask stale reads"
    ]


def _equal_times(history: History) -> list[str]:
    """Equal call and return times of different operations, which count as concurrent."""
    returns = np.sort(history.ret[history.status == OK])
    if not len(returns):
        return []
    at = np.searchsorted(returns, history.call)
    meets = returns[np.minimum(at, len(returns) - 1)] == history.call
    own = (history.status == OK) & (history.ret == history.call)
    if np.any(own):  # an operation of no length meets itself; that says nothing unless another returns then too
        several = np.searchsorted(returns, history.call, side="right") - at > 1
        meets &= ~own | several
    count = int(np.count_nonzero(meets))
    if not count:
        return []
    first = int(history.index[np.flatnonzero(meets)[0]])
    noun = "operation begins" if count == 1 else "operations begin"
    return [
        f"{count} {noun} at the very time another returns (first #{first}): they count as concurrent, "
        "and a coarse clock can hide violations so"
    ]


def _two_at_once(history: History) -> list[str]:
    rows = np.flatnonzero(history.status != INFO)
    rows = rows[np.lexsort((history.call[rows], history.process[rows]))]
    process, call, ret = history.process[rows], history.call[rows], history.ret[rows]
    at_once = np.flatnonzero((process[1:] == process[:-1]) & (call[1:] < ret[:-1]))
    if not len(at_once):
        return []
    first = int(at_once[0])
    name = _short(history.tables.process.values[process[first]])
    indices = sorted((int(history.index[rows[first]]), int(history.index[rows[first + 1]])))
    others = len(np.unique(process[at_once])) - 1
    return [
        f"process {name} has two operations at once (#{indices[0]} and #{indices[1]})"
        + (f", and {others} more processes do" if others else "")
        + ": either its times are wrong or several clients share its number"
    ]


def _named(history: History, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which of the operations have one of these names."""
    return np.array([name in names for name in history.tables.f.values])[history.f]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
