"""Events that lack what Jepsen's have, as in Elle's examples: a process, or invocations."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from checker.formats.source import Source
from checker.formats.vocabulary import WITHOUT_INPUT

INVOKE = -1
"""The kind of an event that begins an operation."""


class Row(NamedTuple):
    """One event of a client; `kind` is INVOKE or the status it ends with."""

    line: int
    kind: int
    process: Any
    f: str | None
    key: Any
    value: Any
    time: Any
    error: Any


def completed(rows: list[Row], source: Source) -> list[Row]:
    """The same events with processes, and with invocations where the record has none at all.

    Raises HistoryError where it is not clear which invocation an event completes.
    """
    absent = [row.process is None for row in rows]
    if any(absent) and not all(absent):
        raise source.error("has no :process, but other events have one", rows[absent.index(True)].line)
    if all(row.kind != INVOKE for row in rows):
        return _invoked(rows, source)
    return _with_processes(rows, source) if absent[0] else rows


def _invoked(rows: list[Row], source: Source) -> list[Row]:
    """Each operation begins when its process ended the one before: real time says no more of it."""
    source.notes.append(
        "the record has no invocations: each operation is taken to begin when its process ended the previous one, "
        "so violations of real-time order may go unnoticed"
    )
    numbered = [row._replace(process=i) for i, row in enumerate(rows)] if rows[0].process is None else rows
    later: dict[Any, deque[Row]] = {}
    for row in numbered:
        if row.f is None:
            raise source.error("an event without :f", row.line)
        later.setdefault(row.process, deque()).append(row)
    found = [_invocation(queue.popleft()) for queue in later.values()]
    for row in numbered:
        found.append(row._replace(time=None))
        if later[row.process]:
            found.append(_invocation(later[row.process].popleft()))
    return found


def _invocation(row: Row) -> Row:
    return row._replace(kind=INVOKE, time=None, error=None, value=None if row.f in WITHOUT_INPUT else row.value)


def _with_processes(rows: list[Row], source: Source) -> list[Row]:
    """A completion belongs to the open invocation that asked for the same; each operation is a process of its own."""
    source.notes.append(
        "events have no :process: each completion was matched with the invocation that asked for the same"
    )
    open_: list[Row] = []
    found: list[Row] = []
    count = 0
    for row in rows:
        if row.kind == INVOKE:
            row = row._replace(process=count)
            count += 1
            open_.append(row)
        else:
            fits = [other for other in open_ if _fits(other, row)]
            if not fits:
                raise source.error("completes an operation that no open invocation asked for", row.line)
            if len(fits) > 1 and fits[0].f != "txn":
                lines = " and ".join(str(other.line) for other in fits[:2])
                raise source.error(
                    f"may complete the invocation of line {lines}: the events need their :process", row.line
                )
            row = row._replace(process=fits[0].process)
            open_.remove(fits[0])
        found.append(row)
    return found


def _fits(invocation: Row, completion: Row) -> bool:
    if completion.f is not None and completion.f != invocation.f:
        return False
    asked, returned = invocation.value, completion.value
    if invocation.f != "txn" or returned is None:
        keyed = type(asked) is tuple and len(asked) == 2 and asked[1] is None
        if keyed and type(returned) is tuple and len(returned) == 2:
            return bool(asked[0] == returned[0])
        return asked is None or returned is None or asked == returned or type(returned) is bool
    return len(asked) == len(returned) and all(
        one[:2] == other[:2] and (one[2] is None or one[2] == other[2])
        for one, other in zip(asked, returned, strict=True)
    )
