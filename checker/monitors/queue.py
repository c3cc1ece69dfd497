"""The monitor of queues (first in, first out) with unique values; quick refutations of stacks and priority queues.

Refuted by four patterns (Henzinger, Sezgin and Vafeiadis, "Aspect-Oriented Linearizability Proofs", CONCUR 2013): a
value dequeued that nobody enqueued, or twice, or before its enqueue began; `a` enqueued before `b`, but dequeued after
it or never; a dequeue that found nothing although at each moment some value was certainly inside. Each is a proof by
itself. "Valid" is only said with a witness: each empty dequeue is put at a moment at which nobody need be inside, then
values and empty dequeues are sorted by their enqueues and dequeues together, and both follow that order as early as
they can. If that fails, the search decides.

A pending enqueue happened iff its value was dequeued. A pending dequeue may have taken anything: with such, only what
was dequeued for certain refutes.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from checker.history import INFO, PENDING, History
from checker.verdict import Decision, Edge, Explanation

METHOD = "values in and out"


@dataclass
class Item:
    """A value from its enqueue to its dequeue, or a dequeue that found nothing (then both are the same row)."""

    put: int
    take: int | None
    first: int
    """Call of the enqueue."""
    in_by: int
    """Certainly enqueued after this moment: the return of the enqueue, or of the dequeue if that is earlier."""
    out_from: int
    """Certainly not dequeued before this moment: the call of the dequeue, or of the enqueue if that is later."""
    last: int
    """Return of the dequeue. PENDING, as out_from, if nobody dequeued it."""

    @property
    def empty(self) -> bool:
        return self.put == self.take


def decide(part: History) -> Decision | None:
    """None where values repeat, or neither a pattern nor a witness was found."""
    return _judge(part, "enqueue", fifo=True)


def refute_stack(part: History) -> Decision | None:
    """Only the patterns that need no order: phantom, twice, too early, wrongly empty. The rest is for the search."""
    return _judge(part, "push", fifo=False)


def refute_priority_queue(part: History) -> Decision | None:
    """Only the patterns that need no order: phantom, twice, too early, wrongly empty. The rest is for the search."""
    return _judge(part, "insert", fifo=False)


def _judge(part: History, put: str, *, fifo: bool) -> Decision | None:
    puts: dict[int, int] = {}
    takes: dict[int, int] = {}
    empties: list[int] = []
    unknown: list[int] = []
    again: list[int] = []
    put_in = part.tables.f.code(put)
    call, ret = part.call.tolist(), part.ret.tolist()
    for row, (f, given, got, status) in enumerate(
        zip(part.f.tolist(), part.input.tolist(), part.output.tolist(), part.status.tolist(), strict=True)
    ):
        if f == put_in:
            if given in puts or given == 0:
                return None
            puts[given] = row
        elif status == INFO:
            unknown.append(row)
        elif got == 0:
            empties.append(row)
        elif got in takes:
            again.append(row)
        else:
            takes[got] = row
    if again:
        value = int(part.output[again[0]])
        takers = [takes[value], *(row for row in again if part.output[row] == value)]
        one, other = part[takers[0]], part[takers[1]]
        sentence = (
            f"Taken twice: #{one.index} and #{other.index} both took {other.output!r}, which was put in once at most."
        )
        rows = [*takers, *([puts[value]] if value in puts else [])]
        return _invalid(part, "duplicate-value", sentence, rows, unknown, takers[1])
    items = []
    for value, row in puts.items():
        take = takes.get(value)
        if take is not None:
            if ret[take] < call[row]:
                return _early(part, row, take, unknown)
            bounds = min(ret[row], ret[take]), max(call[row], call[take])
            items.append(Item(row, take, call[row], *bounds, ret[take]))
        elif part.status[row] != INFO:
            items.append(Item(row, None, call[row], ret[row], PENDING, PENDING))
    for value, take in takes.items():
        if value not in puts:
            sentence = f"#{part.index[take]} took {part[take].output!r}, which nobody had put in."
            return _invalid(part, "phantom-value", sentence, [take], unknown, take)
    sure = [item for item in items if item.take is not None] if unknown else items
    refuted = _never_empty(part, sure, empties, unknown)
    if refuted is None and fifo:
        refuted = _overtaken(part, sure, unknown)
    if refuted is not None or not fifo:
        return refuted
    order = _witness(items, [(row, call[row], ret[row]) for row in empties])
    return None if order is None else Decision("valid", METHOD, witness=order)


def _early(part: History, put: int, take: int, unknown: list[int]) -> Decision:
    a, b = part[take], part[put]
    sentence = f"#{a.index} took {a.output!r} and had finished before #{b.index} began to put it in."
    cycle = (Edge(a.index, b.index, "real time"), Edge(b.index, a.index, "read by"))
    return _invalid(part, "value-from-the-future", sentence, [put, take], unknown, take, cycle)


def _overtaken(part: History, items: list[Item], unknown: list[int]) -> Decision | None:
    """`a` was enqueued before `b`, but `b` was dequeued before `a`, or `a` never."""
    latest: Item | None = None
    inside = sorted(items, key=lambda item: item.in_by)
    at = 0
    for item in sorted(items, key=lambda item: item.first):
        while at < len(inside) and inside[at].in_by < item.first:
            if latest is None or inside[at].out_from > latest.out_from:
                latest = inside[at]
            at += 1
        if latest is None or item.take is None or not item.last < latest.out_from:
            continue
        rows = [row for row in (latest.put, latest.take, item.put, item.take) if row is not None]
        first, value = part[latest.put], part[item.put]
        said = f"{first.input!r} was certainly in the queue before #{value.index} began to enqueue {value.input!r}"
        then = "never dequeued" if latest.take is None else f"dequeued only later (#{part.index[latest.take]})"
        sentence = f"Out of order: {said}, but #{part.index[item.take]} dequeued that, and {first.input!r} was {then}."
        return _invalid(part, "out-of-order", sentence, rows, unknown, item.take)
    return None


def _free_moment(first: int, last: int, items: list[Item]) -> tuple[int | None, list[Item]]:
    """The first moment in [first, last] in which no item is certainly inside; and the items that cover what is before.

    `items` in order of in_by.
    """
    cover: list[Item] = []
    moment, at = first, 0
    while True:
        longest: Item | None = None
        while at < len(items) and items[at].in_by < moment:
            if longest is None or items[at].out_from > longest.out_from:
                longest = items[at]
            at += 1
        if longest is None or longest.out_from <= moment:
            return moment, cover
        cover.append(longest)
        moment = longest.out_from
        if moment > last:
            return None, cover


def _never_empty(part: History, items: list[Item], empties: list[int], unknown: list[int]) -> Decision | None:
    spans = _Spans(items)
    for row in empties:
        first, last = int(part.call[row]), int(part.ret[row])
        if spans.free_from(first) > last:
            _, cover = _free_moment(first, last, spans.items)
            rows = [row, *(r for item in cover for r in (item.put, item.take) if r is not None)]
            values = ", then ".join(repr(part[item.put].input) for item in cover)
            sentence = f"#{part.index[row]} found nothing, but while it ran there was always one inside: {values}."
            return _invalid(part, "wrongly-empty", sentence, rows, unknown, row)
    return None


class _Spans:
    """The times in which some item is certainly inside: the union of the open intervals (in_by, out_from)."""

    def __init__(self, items: list[Item]) -> None:
        self.items = sorted(items, key=lambda item: item.in_by)
        self.spans: list[tuple[int, int]] = []
        for item in self.items:
            if item.in_by >= item.out_from:
                continue
            if self.spans and item.in_by < self.spans[-1][1]:
                self.spans[-1] = (self.spans[-1][0], max(self.spans[-1][1], item.out_from))
            else:
                self.spans.append((item.in_by, item.out_from))

    def free_from(self, moment: int) -> int:
        """The first moment from then on at which nobody need be inside."""
        low, high = 0, len(self.spans)
        while low < high:
            middle = (low + high) // 2
            if self.spans[middle][0] < moment:
                low = middle + 1
            else:
                high = middle
        return moment if low == 0 else max(moment, self.spans[low - 1][1])


def _witness(items: list[Item], empties: list[tuple[int, int, int]]) -> list[int] | None:
    spans = _Spans(items)
    pinned = []
    for row, first, last in empties:
        moment = spans.free_from(first)
        if moment > last:
            return None
        pinned.append(Item(row, row, moment, moment, moment, moment))
    ordered = _sorted([*items, *pinned])
    return None if ordered is None else _merged(ordered)


def _sorted(items: list[Item]) -> list[Item] | None:
    """An order that agrees with the order in time of all enqueues, and with that of all dequeues; None if none does."""
    count = len(items)
    waits = [2] * count
    placed = [False] * count
    ready: list[tuple[int, int, int]] = []
    calls = [sorted(range(count), key=lambda i: items[i].first), sorted(range(count), key=lambda i: items[i].out_from)]
    rets = [sorted(range(count), key=lambda i: items[i].in_by), sorted(range(count), key=lambda i: items[i].last)]
    called, returned = [0, 0], [0, 0]
    ordered: list[Item] = []
    while len(ordered) < count:
        for side in (0, 1):
            while placed[rets[side][returned[side]]]:
                returned[side] += 1
            bound = items[rets[side][returned[side]]].last if side else items[rets[side][returned[side]]].in_by
            while called[side] < count:
                i = calls[side][called[side]]
                if (items[i].out_from if side else items[i].first) > bound:
                    break
                called[side] += 1
                waits[i] -= 1
                if not waits[i]:
                    heapq.heappush(ready, (items[i].out_from, items[i].first, i))
        if not ready:
            return None
        i = heapq.heappop(ready)[2]
        placed[i] = True
        ordered.append(items[i])
    return ordered


def _merged(items: list[Item]) -> list[int] | None:
    """Rows in order: each enqueue and dequeue as early as this order of items lets it be."""
    points: list[tuple[int, int, int, int, int]] = []
    put = take = barrier = -PENDING
    segment = 0
    for number, item in enumerate(items):
        if item.empty:
            moment = max(put, take, barrier, item.first)
            if moment > item.last:
                return None
            points.append((moment, segment + 1, 0, number, item.put))
            barrier, segment = moment, segment + 2
            continue
        put = max(put, barrier, item.first)
        if put > item.in_by:
            return None
        points.append((put, segment, 0, number, item.put))
        if item.take is not None:
            take = max(take, put, item.out_from)
            if take > item.last:
                return None
            points.append((take, segment, 1, number, item.take))
    return [row for *_, row in sorted(points)]


def _invalid(
    part: History,
    kind: str,
    sentence: str,
    rows: list[int],
    unknown: list[int],
    culprit: int,
    cycle: tuple[Edge, ...] = (),
) -> Decision:
    """Pending dequeues may have taken anything: a proof must show that they do not help, so all stand in it."""
    explanation = Explanation(kind, sentence, cycle, int(part.index[culprit]))
    chosen = tuple(sorted({*rows, *unknown}))
    return Decision("invalid", METHOD, counterexample=chosen, explanation=explanation)
