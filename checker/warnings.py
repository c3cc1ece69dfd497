"""What a verdict does not show but its reader should know: properties of a history that weaken it."""

from __future__ import annotations

import re
from collections.abc import Hashable
from itertools import chain
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from checker.history import INFO, OK, Column, History, distinct
from checker.values import Token, identity, shown

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

_OF_LOGS = ("poll", "final_poll", "commit_offsets", "list_committed_offsets")
"""Operations whose inputs and outputs are maps by key, or lists of keys."""

_HARMLESS = ("read", "contains", "generate", "next", "echo", "poll", "final_poll")
"""Operations that change nothing for the others, so that a pending one hides nothing."""


def warnings(history: History, model: str) -> tuple[str, ...]:
    """One sentence for each thing that is amiss. Vectorised: a million operations take a tenth of a second."""
    return (
        *history.notes,
        *_values_not_unique(history, model),
        *_pending(history),
        *_equal_times(history),
        *_two_at_once(history),
        *_after_info(history),
        *_types_apart(history),
    )


def of_record(history: History) -> tuple[str, ...]:
    """What is amiss with the record itself, whatever it is judged as."""
    return (*history.notes, *_two_at_once(history), *_after_info(history), *_types_apart(history))


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
    text = shown(history.tables.value.values[value[again[0]]], 40)
    count = len(again)
    return [
        f"values are not unique: #{first} and #{second} both introduce {text}"
        + (f", and {count - 1} more do so" if count > 1 else "")
        + "; reads cannot distinguish them, so a violation may go unnoticed and the search may take long"
    ]


def _pending(history: History) -> list[str]:
    unknown = history.status == INFO
    harmless = _named(history, _HARMLESS)
    if not (unknown & ~harmless).any():
        return []
    hiding, others = _by_kind(history, unknown & ~harmless), _by_kind(history, unknown & harmless)
    harmless_too = f"; {others} changed nothing" if others else ""
    each = "each" if np.count_nonzero(unknown & ~harmless) > 1 else "it"
    sentence = f"{each} may have taken effect at any time after its call, or never, which can mask stale reads"
    return [f"unknown outcomes: {hiding}; {sentence}{harmless_too}"]


def _by_kind(history: History, rows: NDArray[np.bool_]) -> str:
    """How many of these operations there are of each kind: `104 × write, 3 × cas`."""
    codes, counts = np.unique(history.f[rows], return_counts=True)
    names = [history.tables.f.values[code] for code in codes.tolist()]
    return ", ".join(f"{count} × {name}" for name, count in zip(names, counts.tolist(), strict=True))


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
        f"{count} {noun} at the very time at which another returns (first #{first}): they count as "
        "concurrent, so a coarse clock can hide violations"
    ]


def _two_at_once(history: History) -> list[str]:
    rows = np.flatnonzero(history.status != INFO)
    rows = rows[np.lexsort((history.call[rows], history.process[rows]))]
    process, call, ret = history.process[rows], history.call[rows], history.ret[rows]
    at_once = np.flatnonzero((process[1:] == process[:-1]) & (call[1:] < ret[:-1]) & ~_one_drain(history, rows))
    if not len(at_once):
        return []
    first = int(at_once[0])
    name = shown(history.tables.process.values[process[first]], 40)
    indices = sorted((int(history.index[rows[first]]), int(history.index[rows[first + 1]])))
    others = len(distinct(process[at_once])) - 1
    return [
        f"process {name} has two operations at once (#{indices[0]} and #{indices[1]})"
        + (f", and {others} more processes do" if others else "")
        + ": either its times are wrong or several clients share its number"
    ]


def _after_info(history: History) -> list[str]:
    """Processes with an operation after one of unknown outcome, which still counts as open."""
    rows = np.lexsort((history.call, history.process))
    process, status = history.process[rows], history.status[rows]
    again = np.flatnonzero((process[1:] == process[:-1]) & (status[:-1] == INFO) & ~_one_drain(history, rows))
    if not len(again):
        return []
    first = int(again[np.argmin(history.call[rows[again + 1]])])
    name = shown(history.tables.process.values[process[first]], 40)
    before, after = int(history.index[rows[first]]), int(history.index[rows[first + 1]])
    others = len(distinct(process[again])) - 1
    return [
        f"process {name} continues after an unknown outcome (#{before}, then #{after})"
        + (f", and {others} more processes do" if others else "")
        + ": look for a recorder that writes info where the operation failed or succeeded, or for a client that keeps "
        f"its number; #{before} counts as open to the end, which can hide violations"
    ]


def _one_drain(history: History, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of each two neighbours, whether they are dequeues of one drain that a reader could not put in order."""
    alike = _named(history, ("dequeue",))[rows[1:]]
    for column in (history.f, history.process, history.call, history.ret):
        alike &= column[rows[1:]] == column[rows[:-1]]
    return np.asarray(alike, dtype=np.bool_)


_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?")
_WORDS = {"true": True, "false": False}


def _types_apart(history: History) -> list[str]:
    """Values and keys of which a number, a boolean or a keyword has a twin of another type."""
    tables = history.tables
    if _one_type(tables.value.values) and _one_type(tables.key.values):
        return []
    answers = _named(history, ("cas", "contains"))
    returned = np.where((history.status == OK) & ~answers, history.output, 0)
    transactions = _named(history, ("txn",))
    if transactions.all() and _steps_of_one_type(history):
        return []
    logs = _named(history, _OF_LOGS)
    values, keys = _Scalars(), _Scalars()
    for key in _firsts(history.key, history):
        keys.add(tables.key.values[key[0]], key[1])
    for column in (history.input, returned):
        for code, index in _firsts(np.where(transactions | logs, 0, column), history):
            values.add(tables.value.values[code], index)
        for code, index in _firsts(np.where(transactions, column, 0), history):
            for micro in tables.value.values[code] or ():
                if isinstance(micro, tuple) and len(micro) == 3:
                    keys.add(micro[1], index)
                    values.add(micro[2], index)
        for code, index in _firsts(np.where(logs, column, 0), history):
            for item in _items(tables.value.values[code]):
                key, *offsets = item if isinstance(item, tuple) else (item,)
                keys.add(key, index)
                values.add(tuple(offsets), index)
    return [
        *_twins("values", values, "count as different values"),
        *_twins("keys", keys, "are judged as two objects"),
    ]


def _items(value: object) -> tuple[object, ...]:
    """The pairs of a map, or the keys of a list."""
    return value if isinstance(value, tuple) else ()


def _steps_of_one_type(history: History) -> bool:
    """Whether all keys and all values of transactions are of one type each; of a list that was read the first element
    counts, as the others were read before it or written."""
    known = history.tables.value.values
    codes = np.where(history.output != 0, history.output, history.input).tolist()
    micros = list(chain.from_iterable(filter(None, map(known.__getitem__, codes))))
    if not set(map(type, micros)) <= {tuple} or not set(map(len, micros)) <= {3}:
        return False
    found = list(map(itemgetter(2), micros))
    keys, values = set(map(type, map(itemgetter(1), micros))), set(map(type, found))
    if tuple in values:
        values |= {type(value[0]) for value in found if type(value) is tuple and value}
    absent = {type(None), tuple}
    return all(kinds - absent <= {int} or kinds - absent <= {str} for kinds in (keys, values))


def _one_type(values: list[object]) -> bool:
    kinds = set(map(type, values)) - {type(None)}
    return kinds <= {int, float} or kinds <= {str}


def _firsts(column: Column, history: History) -> list[tuple[int, int]]:
    """Each code of a column, but that of null, with the index of the first operation that has it."""
    codes, rows = np.unique(column, return_index=True)
    return [pair for pair in zip(codes.tolist(), history.index[rows].tolist(), strict=True) if pair[0]]


class _Scalars:
    """What values are made of, each with the first operation that has it."""

    SEEN_MAX = 500_000
    """More are not examined: lists that are read again and again would cost more than the verdict."""

    def __init__(self) -> None:
        self.found: dict[Hashable, tuple[object, int]] = {}
        self._seen = 0

    def add(self, value: object, index: int) -> None:
        """A value of an operation, or what it holds."""
        self._seen += 1
        if self._seen > self.SEEN_MAX:
            return
        if isinstance(value, tuple | frozenset):
            for item in value:
                self.add(item, index)
        elif value is not None:
            self.found.setdefault(identity(value), (value, index))


def _twins(what: str, scalars: _Scalars, effect: str) -> list[str]:
    pairs = [
        (value, index, *scalars.found[identity(twin)])
        for value, index in scalars.found.values()
        for twin in _other_types(value)
        if identity(twin) in scalars.found
    ]
    if not pairs:
        return []
    value, first, twin, second = pairs[0]
    more = f", and {len(pairs) - 1} more such pairs" if len(pairs) > 1 else ""
    named = f"{shown(value, 40)} (first in #{first}) and {shown(twin, 40)} (first in #{second}){more}"
    return [
        f"{what} differ only in type: {named}: they {effect}; look for a client or recorder that turns one into the "
        "other"
    ]


def _other_types(value: object) -> list[object]:
    """What a recorder may have meant by a string or a boolean. (A number is found from its twin.)"""
    if isinstance(value, bool):
        return [int(value)]
    if not isinstance(value, str):
        return []
    meant: list[object] = [Token(value if value.startswith(":") else f":{value}")]
    if value in _WORDS:
        meant.append(_WORDS[value])
    elif _NUMBER.fullmatch(value):
        meant.append(float(value) if "." in value else int(value))
    return meant


def _named(history: History, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which of the operations have one of these names."""
    return np.array([name in names for name in history.tables.f.values])[history.f]
