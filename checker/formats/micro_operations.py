"""Transactions as lists of micro-operations [f, key, value]: their names, and what is refused before judging."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from checker.errors import HistoryError
from checker.formats.columns import Loaded
from checker.formats.source import Source
from checker.history import OK, Column, History, distinct
from checker.values import Set, Token, shown

KNOWN = {
    "txn-list-append": {"r": "r", "read": "r", "append": "append"},
    "txn-rw-register": {"r": "r", "read": "r", "w": "w", "write": "w"},
    "txn-set": {"r": "r", "read": "r", "add": "add"},
    "txn-counter": {"r": "r", "read": "r", "inc": "inc", "increment": "inc"},
    "multi-register": {"r": "r", "read": "r", "w": "w", "write": "w"},
}
"""By model, the names of micro-operations and what the model calls them."""


class Form(NamedTuple):
    """The types of what is read and of what is written; none: any."""

    types: frozenset[type[Any]] = frozenset()
    written: frozenset[type[Any]] = frozenset()
    name: str = ""
    """What is read, in sentences."""


ANY = Form()
FORMS = {
    "txn-list-append": Form(frozenset({tuple, type(None)}), name="a list"),
    "txn-set": Form(frozenset({tuple, Set, type(None)}), name="a set, a list"),
    "txn-counter": Form(frozenset({int, type(None)}), frozenset({int}), name="an integer"),
}

Micros = tuple[tuple[Any, ...], ...]


def is_transaction(value: Any) -> bool:
    """True for a list of micro-operations [f key value], as Elle's events carry."""
    return type(value) is tuple and all(
        type(micro) is tuple and len(micro) == 3 and isinstance(micro[0], Token | str) for micro in value
    )


def as_transactions(loaded: Loaded) -> None:
    """Operations of any name that are lists of micro-operations throughout become `txn`, as Jepsen's wr-register names
    transactions that only read or only write after what they do."""
    history = loaded.history
    table = history.tables
    names = {table.f.values[code] for code in distinct(history.f).tolist()}
    if not names <= {"txn", "read", "write"} or names == {"txn"}:
        return
    if not history.input.all():
        return
    values = [table.value.values[code] for code in distinct(history.input).tolist()]
    if all(value and is_transaction(value) and _are_known(value) for value in values):
        history.f = np.full_like(history.f, table.f.code("txn"))


def _are_known(value: Micros) -> bool:
    return all(any(name_of(micro[0]) in known for known in KNOWN.values()) for micro in value)


def name_of(f: Token | str) -> str:
    """The name that a keyword or a string is."""
    return f.name if isinstance(f, Token) else f.removeprefix(":")


def named(history: History, column: Column) -> Column:
    """Values of a column with micro-operations named by strings, where keywords name them."""
    table = history.tables.value
    known = {int(code): int(code) for code in distinct(column)}
    for code in known:
        value = table.values[code]
        if is_transaction(value) and any(isinstance(micro[0], Token) for micro in value):
            known[code] = table.code(tuple((name_of(micro[0]), *micro[1:]) for micro in value))
    return np.array([known[code] for code in column.tolist()], dtype=np.int64)


def check(loaded: Loaded, model: str, source: Source) -> None:
    """Gives the micro-operations the names that the model has for them.

    Raises HistoryError for one that the model does not know, and for a transaction that completes as another one than
    was invoked or without saying what it read.
    """
    history, known = loaded.history, KNOWN[model]
    rows = np.flatnonzero(history.f == history.tables.f.code("txn"))
    for column in (history.input, history.output):
        column[rows] = _known(loaded, rows, column[rows], known, model, source)
    values = history.tables.value.values
    ok = rows[history.status[rows] == OK]
    columns = (ok, history.input[ok], history.output[ok])
    for row, given, found in zip(*(column.tolist() for column in columns), strict=True):
        asked, returned = values[given], values[found]
        problem = answer_problem(asked, returned)
        if problem is not None:
            raise source.error(problem, int(loaded.lines[row]))


def answer_problem(asked: Micros | None, returned: Micros | None) -> str | None:
    """Why a transaction that was invoked cannot have completed ok like this; None if it can."""
    if returned is None and asked is not None and any(f == "r" for f, _, _ in asked):
        return "a transaction with reads completes ok without the values that it read"
    if returned is not None and not _same(asked or (), returned):
        became = f"{shown(asked, 80)} became {shown(returned, 80)}"
        return f"completes as a different transaction than was invoked: {became}"
    return None


def _known(loaded: Loaded, rows: Column, column: Column, known: dict[str, str], model: str, source: Source) -> Column:
    table = loaded.history.tables.value
    exact = frozenset(name for name, own in known.items() if name == own)
    form, values = FORMS.get(model, ANY), table.values
    odd = [code for code in distinct(column).tolist() if code and not _fits(values[code], exact, form)]
    if not odd:
        return column
    codes = {code: code for code in distinct(column).tolist()}
    for code in odd:
        try:
            codes[code] = table.code(as_model_has(values[code], model))
        except HistoryError as problem:
            row = int(rows[np.flatnonzero(column == code)[0]])
            raise source.error(str(problem), int(loaded.lines[row])) from None
    return np.array([codes[code] for code in column.tolist()], dtype=np.int64)


def as_model_has(value: Any, model: str) -> Micros:
    """A transaction with the names that a model has for micro-operations. Raises HistoryError for what it does not
    know."""
    known, form = KNOWN[model], FORMS.get(model, ANY)
    if not is_transaction(value):
        raise HistoryError(f"{shown(value)} is not a list of micro-operations [f, key, value]")
    for micro in value:
        f = name_of(micro[0])
        if f not in known:
            raise HistoryError(f"{model} has no micro-operation {shown(f, 40)} (it has {', '.join(known)})")
        if form.types and known[f] == "r" and type(micro[2]) not in form.types:
            raise HistoryError(f"a read of {shown(micro[1], 40)} with {shown(micro[2])}, not {form.name} or null")
        if form.written and known[f] != "r" and type(micro[2]) not in form.written:
            raise HistoryError(f"an increment of {shown(micro[1], 40)} by {shown(micro[2])}, not by an integer")
    return tuple((known[name_of(micro[0])], *micro[1:]) for micro in value)


def _fits(value: Any, exact: frozenset[str], form: Form) -> bool:
    """Whether a transaction is beyond doubt: it has the names that the model has for micro-operations."""
    if type(value) is not tuple:
        return False
    types, written, _ = form
    try:
        for micro in value:
            f, _, about = micro
            allowed = types if f == "r" else written
            if f not in exact or type(micro) is not tuple or (allowed and type(about) not in allowed):
                return False
    except (TypeError, ValueError):  # not three, or nothing to take apart
        return False
    return True


def _same(asked: Micros, returned: Micros) -> bool:
    if len(asked) != len(returned):
        return False
    for given, found in zip(asked, returned, strict=True):
        if given != found and (given[0] != found[0] or given[1] != found[1] or given[0] != "r"):
            return False
    return True
