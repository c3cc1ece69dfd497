"""Transactions on registers by session, as checkers of isolation exchange them: no times, only each session's order.

    plume   PolySI and Plume: r(key,value,session,transaction) or w(...), one per line
    awdit   AWDIT's tests: `w key value` or `r key value`, ----- between transactions, ===== between sessions
    dbcop   JSON: {"data": [[{"events": [{"write": true, "variable": 1, "value": 2}], "success": true}]]}

Registers begin with 0 there: a read of 0 that no transaction wrote found nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from checker.formats.columns import Loaded
from checker.formats.events import KINDS, EventRows
from checker.formats.loose import Row
from checker.formats.nemesis import Nemesis
from checker.formats.source import Source

PLUME, AWDIT, DBCOP = "plume", "awdit", "dbcop"

PLUME_LINE = re.compile(r"([rw])\((-?\d{1,18}),\s*(-?\d{1,18}),\s*(-?\d{1,18}),\s*(-?\d{1,18})\)")
AWDIT_LINE = re.compile(r"([rw])\s+(-?\d{1,18})\s+(-?\d{1,18})")
DBCOP_HEAD = re.compile(rb'"data"\s*:\s*\[\s*\[\s*(?:\{|\])')

TEXT_BYTES_MAX = 512 << 20

NO_TIMES = "the record shows sessions and no times: real-time order is not judged"

Step = tuple[str, Any, Any]


class Transaction(msgspec.Struct):
    """One transaction of a session, and the line where it begins."""

    session: Any
    line: int
    steps: list[Step]
    committed: bool = True


class _Event(msgspec.Struct):
    write: bool
    variable: int
    value: int
    success: bool = True


class _DbcopTransaction(msgspec.Struct):
    events: list[_Event]
    success: bool | None = None
    committed: bool | None = None


class _Dbcop(msgspec.Struct):
    data: list[list[_DbcopTransaction]]


def load_plume(source: Source) -> Loaded:
    """Reads one step per line. Raises HistoryError."""
    found: dict[tuple[int, int], Transaction] = {}
    for number, line in source.lines():
        match = PLUME_LINE.fullmatch(line)
        if match is None:
            raise source.error("is not r(key,value,session,transaction) or w(...)", number)
        f, (key, value, session, txn) = match[1], map(int, match.groups()[1:])
        found.setdefault((session, txn), Transaction(session, number, [])).steps.append((f, key, value))
    return _loaded(source, list(found.values()))


def load_awdit(source: Source) -> Loaded:
    """Reads sessions that lines of = separate, of transactions that lines of - separate. Raises HistoryError."""
    return _loaded(source, [one for one in _awdit(source) if one.steps])


def _awdit(source: Source) -> Iterator[Transaction]:
    current, session = Transaction(0, 1, []), 0
    for number, line in source.lines():
        if set(line) <= {"-"} or set(line) <= {"="}:
            yield current
            session += line.startswith("=")
            current = Transaction(session, number + 1, [])
            continue
        match = AWDIT_LINE.fullmatch(line)
        if match is None:
            raise source.error("is not `r key value`, `w key value`, or a line of - or =", number)
        current.steps.append((match[1], int(match[2]), int(match[3])))
    yield current


def load_dbcop(source: Source) -> Loaded:
    """Reads the sessions of a JSON document. Raises HistoryError."""
    try:
        whole = msgspec.json.decode(source.text(TEXT_BYTES_MAX, "JSON"), type=_Dbcop)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise source.error(f"is not a history of dbcop ({error})") from None
    found = []
    for session, transactions in enumerate(whole.data):
        for one in transactions:
            committed = one.success is not False and one.committed is not False
            steps: list[Step] = [("w" if e.write else "r", e.variable, e.value) for e in one.events if e.success]
            found.append(Transaction(session, 1, steps, committed))
    return _loaded(source, [one for one in found if one.steps])


def _loaded(source: Source, transactions: list[Transaction]) -> Loaded:
    """All at one instant, so that only the sessions order them."""
    source.notes.append(NO_TIMES)
    written = {(key, value) for one in transactions for f, key, value in one.steps if f == "w"}
    rows = EventRows(source)
    for one in transactions:
        asked = tuple((f, key, value if f == "w" else None) for f, key, value in one.steps)
        done = tuple(
            (f, key, None if f == "r" and value == 0 and (key, 0) not in written else value)
            for f, key, value in one.steps
        )
        ended = ("ok", done) if one.committed else ("fail", None)
        for kind, value in (("invoke", asked), ended):
            rows.add(Row(one.line, KINDS[kind], one.session, "txn", None, value, 0, None))
    return rows.load(Nemesis())
