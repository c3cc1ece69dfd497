"""The monitor of sets that only grow: each element is added by one operation, and nothing is removed.

Then no order is in doubt. A `contains` that returned false stands before the add of its element, one that returned true
after it; a read of all stands after the adds of what it shows and before all other adds; so the sets read must form a
chain by inclusion. Each operation's earliest instant is the greatest call among those that must stand before it and its
own. The history is linearizable iff no earliest instant is later than the operation's return, and then the earliest
instants are a witness. Cost: the total size of the distinct reads, and n log n.

A pending add of an element that was never observed may be left out: without it the element is there at fewer instants,
and only operations that found it absent depend on it. An ok one that no read shows stands after all reads.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from checker.history import BEGINNING, History, Operation, identity
from checker.values import show
from checker.verdict import Decision, Edge, Explanation

METHOD = "inclusion"

Elements = frozenset[Hashable]
Instant = tuple[int, int]
"""(time, row of the operation whose call it is)."""


@dataclass
class _Seen:
    """What the operations of a part observed, by element and by set read."""

    adds: dict[Hashable, int] = field(default_factory=dict)
    absent: dict[Hashable, list[int]] = field(default_factory=dict)
    """Element -> rows that found it absent."""
    present: dict[Hashable, list[int]] = field(default_factory=dict)
    reads: list[tuple[Elements, list[int]]] = field(default_factory=list)
    """Distinct sets with the rows that read them, the smallest first."""


def decide(part: History) -> Decision | None:
    """None if an element is added twice, or anything removed."""
    ops = list(part)
    seen = _Seen()
    by_code: dict[int, tuple[Elements, list[int]]] = {}
    for row, op in enumerate(ops):
        match op.f:
            case "add":
                if identity(op.input) in seen.adds:
                    return None
                seen.adds[identity(op.input)] = row
            case "contains":
                answers = seen.present if op.output else seen.absent
                answers.setdefault(identity(op.input), []).append(row)
            case "read":
                code = int(part.output[row])
                if code not in by_code:
                    by_code[code] = frozenset(map(identity, op.output or ())), []
                by_code[code][1].append(row)
            case _:
                return None
    same: dict[Elements, list[int]] = {}
    for elements, rows in by_code.values():
        same.setdefault(elements, []).extend(rows)
    seen.reads = sorted(same.items(), key=lambda read: len(read[0]))
    return _phantom(ops, seen) or _forked(ops, seen) or _in_time(ops, seen)


def _phantom(ops: list[Operation], seen: _Seen) -> Decision | None:
    """An operation saw an element that no operation added."""
    rows = [row for element, found in seen.present.items() if element not in seen.adds for row in found]
    for elements, readers in seen.reads:
        rows += readers if not elements <= seen.adds.keys() else []
    if not rows:
        return None
    first = ops[min(rows)]
    shown = first.output if first.f == "read" else [first.input]
    value = show(next(item for item in shown if identity(item) not in seen.adds))
    sentence = (
        f"Phantom value: #{first.index} {'showed' if first.f == 'read' else 'found'} {value}, which no operation added."
    )
    return _invalid("phantom-value", sentence, {min(rows)}, first)


def _forked(ops: list[Operation], seen: _Seen) -> Decision | None:
    """Two reads that each lack an element of the other."""
    for (smaller, some), (larger, others) in pairwise(seen.reads):
        if not smaller < larger:
            pair = min(smaller - larger, key=seen.adds.__getitem__), min(larger - smaller, key=seen.adds.__getitem__)
            a, b = ops[some[0]], ops[others[0]]
            x, y = (show(ops[seen.adds[element]].input) for element in pair)
            sentence = f"Divergent reads: #{a.index} shows {x} without {y}, #{b.index} shows {y} without {x}."
            return _invalid("divergent-reads", sentence, {some[0], others[0], *(seen.adds[x] for x in pair)}, b)
    return None


def _in_time(ops: list[Operation], seen: _Seen) -> Decision:
    """Goes from one set to the next, with the latest of all calls so far."""
    order: list[tuple[int, int, int]] = []
    floor: Instant = (BEGINNING, -1)
    late: list[tuple[int, int]] = []

    def put(row: int, after: Instant) -> Instant:
        """The earliest instant of an operation after others."""
        earliest = max(after, (ops[row].call, row))
        if earliest[0] > ops[row].ret:
            late.append((earliest[1], row))
        order.append((earliest[0], len(order), row))
        return earliest

    for rows in seen.absent.values():
        for row in rows:
            put(row, (BEGINNING, -1))
    shown: set[Hashable] = set()
    unread = [x for x, row in seen.adds.items() if not ops[row].pending or x in seen.present]
    for elements, rows in [*seen.reads, (frozenset(unread), [])]:
        latest = floor
        for element in sorted(elements - shown, key=seen.adds.__getitem__):
            denied = max(((ops[row].call, row) for row in seen.absent.get(element, ())), default=floor)
            added = put(seen.adds[element], max(floor, denied))
            for row in seen.present.get(element, ()):
                put(row, added)
            latest = max(latest, added)
        shown |= elements
        floor = max([latest, *(put(row, latest) for row in rows)])
    if late:
        return _late(ops, seen, *min(late, key=lambda pair: ops[pair[1]].ret))
    return Decision("valid", METHOD, witness=[row for *_, row in sorted(order)])


def _late(ops: list[Operation], seen: _Seen, late: int, early: int) -> Decision:
    """`early` had returned before `late` was called, but `late` must stand before it."""
    a, b = ops[early], ops[late]
    from_add, to_add = (seen.adds[identity(op.input)] if op.f != "read" else None for op in (b, a))
    rows = {early, late, *(row for row in (from_add, to_add) if row is not None)}
    if from_add is not None and to_add is not None and from_add != to_add:  # a read shows that one came first
        rows.add(next(readers[0] for elements, readers in seen.reads if identity(ops[from_add].input) in elements))
    if a.f == b.f == "read":
        shows, lacks = (frozenset(map(identity, op.output or ())) for op in (a, b))
        rows.add(min(seen.adds[element] for element in shows - lacks))
    if b.f in ("read", "contains") and (b.f == "read" or not b.output):
        kind = "lost-add" if a.f == "add" else "stale-read"
        title, did = ("Lost add", "added") if a.f == "add" else ("Stale read", "shown")
        lacking = _lacking(a, b)
        direct = lacking in a.output if a.f == "read" else identity(lacking) == identity(a.input)
        what = "it" if direct else "a later element"
        sentence = (
            f"{title}: #{b.index} does not show {show(lacking)}, though #{a.index} had {did} {what} and finished "
            "before."
        )
    elif a.f != "add" and from_add == late:
        kind = "read-before-written"
        sentence = (
            f"Found before added: #{a.index} shows {show(b.input)} and had finished before #{b.index} began to add it."
        )
    else:
        kind = "reordered-add"
        sentence = (
            f"Out of order: #{a.index} had finished before #{b.index} began, but the reads show #{b.index} first."
        )
    cycle = (Edge(a.index, b.index, "real time"), Edge(b.index, a.index, "set order"))
    return _invalid(kind, sentence, rows, b if b.f != "add" else a, cycle)


def _lacking(a: Operation, b: Operation) -> Any:
    """An element that `b` lacks, though it was there at `a`."""
    if b.f == "contains":
        return b.input
    return a.input if a.f != "read" else next(item for item in a.output if item not in (b.output or ()))


def _invalid(kind: str, sentence: str, rows: set[int], culprit: Operation, cycle: tuple[Edge, ...] = ()) -> Decision:
    explanation = Explanation(kind, sentence, cycle, culprit.index)
    return Decision("invalid", METHOD, counterexample=tuple(sorted(rows)), explanation=explanation)
