"""`drain` of a queue: dequeues until it is empty, as a client does at the end of a test. Its output lists what came.

A drain takes some time, in which other clients may dequeue too. So it is expanded into what it was: one dequeue for
each value, and a last one that found nothing, all within the time of the drain. Where no other operation ran, they
follow one another in time; otherwise only the queue's own order decides which came first. Of a drain whose outcome is
unknown, as many dequeues may have happened as there are values to take.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from msgspec import structs

from checker.formats.columns import Loaded
from checker.formats.source import Source
from checker.history import FAIL, PENDING, History, Operation, distinct
from checker.values import Set, shown

NAME = "drain"


def expanded(loaded: Loaded, source: Source, *, in_order: bool) -> Loaded:
    """The history with each drain as dequeues, numbered anew. Raises HistoryError for one that lists no values.

    `in_order`: the model asks in which order values are taken; then it is noted where a drain's own order was lost.
    """
    history = loaded.history
    if NAME not in {history.tables.f.values[code] for code in distinct(history.f).tolist()}:
        return loaded
    operations = list(zip(history, loaded.lines.tolist(), strict=True))
    if loaded.clock == "order":
        operations = _widened(operations)
    enqueued = sum(op.f == "enqueue" and op.status != "fail" for op, _ in operations)
    alone = _alone(history)
    parts: list[tuple[Operation, int]] = []
    unordered: list[int] = []
    for row, (op, line) in enumerate(operations):
        if op.f != NAME:
            parts.append((op, line))
        elif op.status != "fail":
            if op.status == "ok" and _taken(op) is None:
                raise source.error(f"drain with the output {shown(op.output)}, not a list of the values it took", line)
            dequeues = _dequeues(op, enqueued, alone[row])
            parts += [(dequeue, line) for dequeue in dequeues]
            if not op.pending and len(dequeues) > 2 and dequeues[0].call == dequeues[1].call:
                unordered.append(line)
    parts.sort(key=lambda pair: pair[0].call)
    numbered = [structs.replace(op, index=number) for number, (op, _) in enumerate(parts)]
    whole = History.of(numbered)
    whole.notes = history.notes
    if in_order and unordered:
        whole.notes += (_order_lost(unordered),)
    return replace(loaded, history=whole, lines=np.array([line for _, line in parts], dtype=np.int64))


def _order_lost(lines: list[int]) -> str:
    which = f"the drain on line {lines[0]}" if len(lines) == 1 else f"{len(lines):,} drains (first: line {lines[0]})"
    return (
        f"{which} overlapped other operations: the order of the values in the list was not judged, so a violation that "
        "only this order shows would be missed"
    )


def _taken(drain: Operation) -> tuple[Any, ...] | None:
    """The values that a drain took; None where it does not list any."""
    if isinstance(drain.output, Set):
        return drain.output.in_order()
    return drain.output if type(drain.output) is tuple else None


def _widened(operations: list[tuple[Operation, int]]) -> list[tuple[Operation, int]]:
    """The same order of events, with enough time between two of them for the dequeues of a drain."""
    longest = max((len(_taken(op) or ()) for op, _ in operations if op.f == NAME), default=0)
    factor = 2 * (longest + 1)
    return [
        (structs.replace(op, call=op.call * factor, ret=op.ret if op.ret == PENDING else op.ret * factor), line)
        for op, line in operations
    ]


def _dequeues(drain: Operation, enqueued: int, alone: bool) -> list[Operation]:
    asked = structs.replace(drain, f="dequeue", input=None)
    if drain.pending:
        return [asked] * enqueued
    values = (*(_taken(drain) or ()), None)
    count = len(values)
    if not alone or drain.ret - drain.call < 2 * count:
        return [structs.replace(asked, output=value) for value in values]
    ends = [drain.call + (drain.ret - drain.call) * part // (2 * count) for part in range(2 * count)]
    ends[-1] = drain.ret
    return [
        structs.replace(asked, output=value, call=ends[2 * number], ret=ends[2 * number + 1])
        for number, value in enumerate(values)
    ]


def _alone(history: History) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Per operation, whether no other begins or ends while it is under way."""
    happened = history.status != FAIL
    times = np.sort(np.concatenate((history.call[happened], history.ret[happened])))
    inside = np.searchsorted(times, history.ret, side="right") - np.searchsorted(times, history.call, side="left")
    return np.asarray(inside <= 2, dtype=np.bool_)
