"""The monitor of logs: `append` answers an offset, `read` of an offset answers the value there, or None beyond the end.

With unique values the place of every value that was seen is known, so the order of appends is forced by offset.
Let T(o) be the instant at which the log got its record o. Then T grows with o, and

    T(o) >= the call of the append at o, and of every read that found nothing at o
    T(o) <= the return of the append at o, and of every read that found its value at o

so the history is linearizable iff the running maximum of the lower bounds never passes an upper bound. An offset whose
value was never seen, below one whose value was, was filled by a pending append whose value was never read: those are
taken in order of call, the earliest for the first gap. Cost: n log n.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from checker.history import BEGINNING, INFO, History, Operation, identity
from checker.values import shown
from checker.verdict import Decision, Edge, Explanation

Bound = tuple[int, int]
"""(time, row): the operation that sets a bound."""


def decide(part: History) -> Decision | None:
    """Valid with an order, invalid with the operations that contradict each other; None if values repeat, or an
    offset is no count."""
    if not _counts(part):
        return None
    appends: dict[Any, int] = {}
    for row in _rows(part, "append"):
        value = identity(part.tables.value.values[part.input[row]])
        if value in appends:
            return None
        appends[value] = row
    place: dict[Any, tuple[int, int]] = {}
    found = _places(part, appends, place)
    if found is not None:
        return found
    at: dict[int, int] = {offset: appends[value] for value, (offset, _) in place.items()}
    length = max(at, default=-1) + 1
    seen = set(at.values())
    spare = [row for row in _rows(part, "append") if part.status[row] == INFO and row not in seen]
    spare.sort(key=lambda row: int(part.call[row]), reverse=True)
    for offset in range(length):
        if offset not in at:
            if not spare:
                return None  # a gap that nothing can fill: the search says so with a proof
            at[offset] = spare.pop()
    placed = set(at.values())
    loose = [row for row in _rows(part, "append") if part.status[row] != INFO and row not in placed]
    if loose:
        return None
    return _fit(part, at, length, {appends[value]: shown for value, (_, shown) in place.items()})


def _rows(part: History, f: str) -> Iterator[int]:
    code = part.tables.f.code(f)
    return (row for row in range(len(part)) if part.f[row] == code)


def _ended(part: History, f: str) -> Iterator[int]:
    return (row for row in _rows(part, f) if part.status[row] != INFO)


def _counts(part: History) -> bool:
    """True if every offset that was answered or asked for is a number from 0 on."""
    appends = part.f == part.tables.f.code("append")
    answered = np.where(appends, part.output, part.input)[~appends | (part.output != 0)]
    offsets = [part.tables.value.values[code] for code in np.unique(answered).tolist()]
    return all(type(offset) is int and offset >= 0 for offset in offsets)


def _places(part: History, appends: dict[Any, int], place: dict[Any, tuple[int, int]]) -> Decision | None:
    """Fill `place` (value -> its offset, and the operation that showed it). A Decision if two operations contradict
    each other."""
    holder: dict[int, tuple[Any, int]] = {}
    values = part.tables.value.values
    for row in range(len(part)):
        op_is_append = part.tables.f.values[part.f[row]] == "append"
        output = values[part.output[row]]
        if part.status[row] == INFO or output is None:
            continue
        offset = output if op_is_append else values[part.input[row]]
        value = identity(values[part.input[row]] if op_is_append else output)
        if value not in appends:
            op = part[row]
            return _invalid(
                "phantom-value",
                f"Phantom value: #{op.index} read {shown(op.output)}, which no operation appended.",
                part,
                [row],
            )
        other = holder.setdefault(offset, (value, row))
        if other[0] != value:
            a, b = part[other[1]], part[row]
            sentence = f"Two records at offset {offset}: #{a.index} and #{b.index} saw different ones."
            rows = [other[1], row, appends[value], appends[other[0]]]
            return _invalid("conflicting-offset", sentence, part, rows, culprit=_observer(a, b))
        first = place.setdefault(value, (offset, row))
        if first[0] != offset:
            a, b = part[first[1]], part[row]
            sentence = f"One record at two offsets: #{a.index} saw it at {first[0]}, #{b.index} at {offset}."
            rows = [first[1], row, appends[value], *_claims(part, appends, min(first[0], offset))]
            return _invalid("moved-record", sentence, part, rows, culprit=_observer(a, b))
    return None


def _observer(a: Operation, b: Operation) -> int:
    """Which of two operations that contradict each other is the culprit: a read, or the one that ended later."""
    return max((a, b), key=lambda op: (op.f == "read", op.ret, op.index)).index


def _claims(part: History, appends: dict[Any, int], offset: int) -> list[int]:
    """The appends that were answered this offset, or whose value was read there: taken out, they would move it."""
    values = part.tables.value.values
    answered = [row for row in _ended(part, "append") if values[part.output[row]] == offset]
    read = [identity(values[part.output[row]]) for row in _ended(part, "read") if values[part.input[row]] == offset]
    return answered + [appends[value] for value in read if value in appends]


def _known(part: History) -> set[int]:
    """The appends whose offsets are certain: answered, or shown by a read."""
    values = part.tables.value.values
    shown = {identity(values[part.output[row]]) for row in _ended(part, "read")}
    return {
        row
        for row in _rows(part, "append")
        if (part.status[row] != INFO and part.output[row] != 0) or identity(values[part.input[row]]) in shown
    }


def _fit(part: History, at: dict[int, int], length: int, shown: dict[int, int]) -> Decision:
    """`at`: offset -> the append there; `shown`: append -> the operation that shows its offset, if any does."""
    low: list[Bound] = [(int(part.call[at[offset]]), at[offset]) for offset in range(length)]
    high: list[Bound] = [(int(part.ret[at[offset]]), at[offset]) for offset in range(length)]
    reads = list(_rows(part, "read"))
    values = part.tables.value.values
    for row in reads:
        offset = values[part.input[row]]
        if offset >= length:
            continue
        if values[part.output[row]] is None:
            low[offset] = max(low[offset], (int(part.call[row]), row))
        else:
            high[offset] = min(high[offset], (int(part.ret[row]), row))
    instants: list[int] = []
    latest: Bound = (BEGINNING, -1)
    for offset in range(length):
        latest = max(latest, low[offset])
        if latest[0] > high[offset][0]:
            return _late(part, at, latest[1], high[offset][1], offset, shown)
        instants.append(latest[0])
    keyed = [(instants[offset], offset, at[offset]) for offset in range(length)]
    for row in reads:
        offset, call = values[part.input[row]], int(part.call[row])
        if values[part.output[row]] is None:
            keyed.append((call, -1, row))  # before the appends of its instant
        else:
            keyed.append((max(call, instants[offset]), length, row))  # after them
    return Decision("valid", "offsets", witness=[row for _, _, row in sorted(keyed)])


def _late(part: History, at: dict[int, int], late: int, early: int, offset: int, shown: dict[int, int]) -> Decision:
    """`early` had returned before `late` was called, though the log must have been longer at `early`.

    An append's place is proved by the operation that showed it. Where none showed the place of `late`, it is the first
    that could fill the gap it is in: what had been called before is too little, as those show whose places are further
    on.
    """
    a, b = part[early], part[late]
    if b.f == "read":
        kind = "lost-append" if a.f == "append" else "stale-read"
        title, did = ("Lost append", "appended") if a.f == "append" else ("Stale read", "read")
        sentence = (
            f"{title}: #{b.index} found nothing at offset {b.input}, though #{a.index} had {did} a record there or "
            f"further on and finished."
        )
    elif a.f == "read":
        kind = "read-before-written"
        sentence = (
            f"Read before written: #{a.index} read offset {offset} and finished before #{b.index} began to append "
        )
        sentence += "at or below it."
    else:
        kind = "reordered-append"
        sentence = f"Out of order: #{a.index} had finished before #{b.index} began, but the log has #{b.index} first."
    cycle = (Edge(a.index, b.index, "real time"), Edge(b.index, a.index, "log order"))
    rows = [early, late, *(shown[row] for row in (early, late) if row in shown)]
    if late in at.values() and late not in shown:
        beyond = (row for number, row in at.items() if number > offset and part.call[row] <= part.ret[early])
        rows += [shown[row] for row in beyond if row in shown]
    rows += [at[op.input] for op in (part[row] for row in rows) if op.f == "read" and op.output is not None]
    return _invalid(kind, sentence, part, rows, cycle, b.index if b.f == "read" else a.index)


def _invalid(
    kind: str,
    sentence: str,
    part: History,
    rows: list[int],
    cycle: tuple[Edge, ...] = (),
    culprit: int | None = None,
) -> Decision:
    """The counterexample holds also the appends whose offsets are not shown: they may have moved the others."""
    known = _known(part)
    unknown = (row for row in _rows(part, "append") if row not in known)
    chosen = tuple(sorted({*rows, *unknown}))
    index = int(part.index[rows[-1]]) if culprit is None else culprit
    explanation = Explanation(kind, sentence, cycle, index)
    return Decision("invalid", "offsets", counterexample=chosen, explanation=explanation)
