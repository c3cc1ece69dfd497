"""Transactions as columns: who they are, when they ran, and their micro-operations [f, key, value].

What a transaction did is its output where it ended ok (its reads show what was found) and the writes of its input
otherwise. Operations that are no transactions are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from checker.history import FAIL, OK, Column, History
from checker.values import show, shown

Micro = tuple[str, Any, Any]
Data = Literal["list", "register", "set", "counter"]

DATA: dict[str, Data] = {
    "txn-list-append": "list",
    "txn-rw-register": "register",
    "txn-set": "set",
    "txn-counter": "counter",
}
"""By the name that a reader gives operations of this kind."""

WRITES: dict[Data, str] = {"list": "append", "register": "w", "set": "add", "counter": "inc"}


@dataclass(frozen=True)
class Table:
    """Transactions in order of call, numbered from 0; each column has one entry for each of them."""

    history: History
    data: Data
    rows: Column
    """Rows of the history."""
    status: Column
    call: Column
    ret: Column
    session: Column
    micros: list[tuple[Micro, ...]]
    begins_with: Any = None
    """The value that every register begins with."""
    commit: Column | None = None
    """Of each transaction the number of its commit, as the system told it (NO_COMMIT: it did not)."""

    def __len__(self) -> int:
        return len(self.rows)

    def index(self, txn: int) -> int:
        """The number of a transaction in reports."""
        return int(self.history.index[self.rows[txn]])

    @property
    def ok(self) -> NDArray[np.bool_]:
        return np.equal(self.status, OK)

    def failed_last(self) -> list[int]:
        """All transactions in order, those that failed at the end: a value that one of these wrote and another one
        wrote too, as a client does that tries again, was read from the other one."""
        failed = self.status == FAIL
        return [*np.flatnonzero(~failed).tolist(), *np.flatnonzero(failed).tolist()]

    def session_pairs(self, live: NDArray[np.bool_]) -> tuple[Column, Column]:
        """Each of the transactions `live` with the one of its session that came before it.

        One without an answer may take effect later than the next of its process: it comes before none.
        """
        order = np.flatnonzero(live)
        order = order[np.argsort(self.session[order], kind="stable")]
        last = np.maximum.accumulate(np.where(self.status[order] == OK, np.arange(len(order)), -1))
        before = np.concatenate([[-1], last[:-1]])[: len(order)]
        known = np.flatnonzero(before >= 0)
        known = known[self.session[order[before[known]]] == self.session[order[known]]]
        return order[before[known]], order[known]


def table(history: History, data: Data, begins_with: Any = None) -> Table:
    """The transactions of a history whose micro-operations a reader has checked."""
    rows = np.flatnonzero(history.f == history.tables.f.code("txn"))
    status = history.status[rows]
    answered = (status == OK) & (history.output[rows] != 0)
    values = history.tables.value.values
    codes = np.where(answered, history.output[rows], history.input[rows]).tolist()
    micros = [values[code] or () for code in codes]
    return Table(
        history,
        data,
        rows,
        status,
        history.call[rows],
        history.ret[rows],
        history.process[rows],
        micros,
        begins_with,
        None if history.commit is None else history.commit[rows],
    )


_ENDS = 3
"""Elements shown at either end of a long list."""


def value_text(value: Any, data: str) -> str:
    """A value that was read. Of a long list both ends are shown."""
    if data in ("register", "counter"):
        return show(value)
    elements = value or ()
    if data == "set":
        elements = tuple(
            sorted(elements, key=lambda one: (type(one) is not int, one if type(one) is int else show(one)))
        )
    opens, closes = "{}" if data == "set" else "[]"
    if len(elements) <= 2 * _ENDS + 2:
        return f"{opens}{', '.join(shown(one, 10_000) for one in elements)}{closes}"
    first, last = (", ".join(shown(one, 40) for one in part) for part in (elements[:_ENDS], elements[-_ENDS:]))
    return f"{opens}{first}, … {last}{closes} ({len(elements)} elements)"
