"""Why the lifetime of an element of a set is impossible, in a sentence, with the two to five operations that show
it."""

from __future__ import annotations

import numpy as np

from checker.history import Column, History, Operation
from checker.monitors.presence import NO_ROW, Claims, Lifetimes, missed
from checker.monitors.snapshots import Snapshots
from checker.values import show
from checker.verdict import Decision, Edge, Explanation

METHOD = "elements"


def violation(claims: Claims, lifetime: Lifetimes, reads: Snapshots) -> Decision | None:
    """Refutes by one element; None if no lifetime does."""
    part = claims.part
    seen = lifetime.first >= 0
    phantom = np.flatnonzero(seen & (lifetime.add == NO_ROW))
    if len(phantom):
        x = phantom[np.argmin(part.ret[lifetime.first[phantom]])]
        return _phantom(part, int(lifetime.first[x]), claims.codes[x])
    early = np.flatnonzero(seen & (part.ret[lifetime.first] < part.call[lifetime.add]))
    if len(early):
        x = int(early[np.argmin(part.ret[lifetime.first[early]])])
        return _early(part, lifetime, x, claims.codes[x])
    wrong = np.flatnonzero(missed(claims, lifetime))
    found = [(int(claims.element[entry]), int(claims.row[entry])) for entry in _first(part, claims.row[wrong], wrong)]
    found += _missing(lifetime, reads)
    if not found:
        return None
    x, row = min(found, key=lambda pair: (int(part.ret[pair[1]]), pair))
    return _missed(part, lifetime, x, row, claims.codes[x])


def _first(part: History, rows: Column, entries: Column) -> list[int]:
    return [int(entries[np.argmin(part.ret[rows])])] if len(rows) else []


def _missing(lifetime: Lifetimes, reads: Snapshots) -> list[tuple[int, int]]:
    """(element, row) of the read that returned first among those which lack an element that was certainly there."""
    found: list[tuple[int, int, int]] = []
    for first, end, shown in reads.shown(len(lifetime)):
        comes, goes = lifetime.comes[first:end, None], lifetime.goes[first:end, None]
        wrong = ~shown & (reads.call > comes) & (reads.ret < goes)
        at = np.flatnonzero(wrong.any(axis=0))
        if len(at):
            read = int(at[np.argmin(reads.ret[at])])
            found.append((int(reads.ret[read]), first + int(np.argmax(wrong[:, read])), int(reads.row[read])))
    return [min(found)[1:]] if found else []


def _phantom(part: History, row: int, code: int) -> Decision:
    op, value = part[row], show(part.tables.value.values[code])
    return _invalid(
        "phantom-value", f"Phantom value: #{op.index} {_found(op)} {value}, which no operation added.", [row], op
    )


def _early(part: History, lifetime: Lifetimes, x: int, code: int) -> Decision:
    early, late = int(lifetime.first[x]), int(lifetime.add[x])
    a, b, value = part[early], part[late], show(part.tables.value.values[code])
    sentence = f"Found before added: #{a.index} {_found(a)} {value} and ended before #{b.index}, its only add, began."
    cycle = (Edge(b.index, a.index, "read by"), Edge(a.index, b.index, "real time"))
    return _invalid("read-before-written", sentence, [early, late], a, cycle)


def _missed(part: History, lifetime: Lifetimes, x: int, row: int, code: int) -> Decision:
    """`row` did not find the element there, or removed it, though it was there all the time."""
    add, first, last = (int(column[x]) for column in (lifetime.add, lifetime.first, lifetime.last))
    op, a, b, value = part[row], part[first], part[last], show(part.tables.value.values[code])
    seen = f"#{a.index} had already {'added it' if first == add else 'found it'} and finished"
    before = (Edge(a.index, op.index, "real time"), Edge(op.index, int(part.index[add]), "before the add"))
    added = () if first == add else (Edge(int(part.index[add]), a.index, "read by"),)
    rows = [add, first, row, last]
    cycle: tuple[Edge, ...] = (*added, *before)
    if op.f == "remove":
        kind = "lost-remove"
        cycle = (Edge(op.index, b.index, "real time"), Edge(b.index, op.index, "before the remove"))
        sentence = (
            f"Lost remove: #{op.index} removed {value} and was acknowledged, but #{b.index}, which began later, still "
            f"{_found(b)} it; {seen} before #{op.index} began, and no operation added it again."
        )
    elif op.ret < b.call:
        kind, cycle = "resurrected-element", ()
        sentence = (
            f"Resurrected element: #{op.index} did not find {value}, though {seen} before, and #{b.index}, which began "
            f"later, {_found(b)} it; no operation added it again."
        )
    else:
        kind = "lost-add" if first == add else "stale-read"
        title = "Lost add" if first == add else "Stale read"
        sentence = (
            f"{title}: #{op.index} did not find {value}, though {seen}, and no remove of it can have taken effect in "
            "between."
        )
    return _invalid(kind, sentence, rows, op, cycle)


def _found(op: Operation) -> str:
    return "showed" if op.f == "read" else "found"


def _invalid(kind: str, sentence: str, rows: list[int], culprit: Operation, cycle: tuple[Edge, ...] = ()) -> Decision:
    explanation = Explanation(kind, sentence, cycle, culprit.index)
    return Decision("invalid", METHOD, counterexample=tuple(sorted(set(rows))), explanation=explanation)
