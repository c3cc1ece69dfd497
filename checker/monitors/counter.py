"""The monitor of counters whose increments are all alike (mostly by one): scheduling of unit jobs.

With increments by d (which may be negative) a read of k d counts k of them; other reads are impossible. Call slot k the
instant T(k) at which the counter got from k-1 to k increments. A read of k = v stands between T(v) and T(v+1), so

    T(k) >= the call of every read of less than k        T(k) <= the return of every read of k or more

and both bounds grow with k. An increment fits a slot if their intervals meet; those slots are consecutive, so filling
slots in order with the increment that must return first (earliest deadline first; Glover 1967 for convex graphs) fills
them if anything can. Nor do two of them then contradict real time: an increment called after the return of the one that
fills a slot could not have filled it. Every slot up to the largest value read must be filled, and every increment that
ended ok must have a slot; a pending one may. Cost: n log n.
Increments that differ, or are by nothing, are left to the search (they ask for subsets with a given sum).
"""

from __future__ import annotations

import heapq

import numpy as np

from checker.history import BEGINNING, INFO, PENDING, History
from checker.verdict import Decision, Explanation

NONE = "there were no increments"


def decide(part: History) -> Decision | None:
    """Valid with an order, invalid with the increments and the reads that contradict them; None if they differ."""
    values = part.tables.value.values
    add = part.tables.f.code("add")
    adds = np.flatnonzero(part.f == add).tolist()
    steps = [values[code] for code in np.unique(part.input[adds]).tolist()]
    if len(steps) > 1 or any(type(step) is not int or step == 0 for step in steps):
        return None
    step = steps[0] if steps else 1
    reads: list[tuple[int, int]] = []
    for row in np.flatnonzero(part.f != add).tolist():
        value = values[part.output[row]]
        if value is not None and type(value) is not int:
            return None
        count, rest = divmod(value or 0, step)
        if rest or count < 0:
            return _invalid(part, adds, [row], f"read {value}, but {f'every increment is by {step}' if adds else NONE}")
        reads.append((count, row))
    return _schedule(part, adds, sorted(reads), step)


def _schedule(part: History, adds: list[int], reads: list[tuple[int, int]], step: int) -> Decision:
    most = reads[-1][0] if reads else 0
    if most > len(adds):
        text = f"there were only {len(adds)} increments" + (f" by {step}" if step != 1 else "") if adds else NONE
        return _invalid(part, adds, [reads[-1][1]], f"read {most * step}, but {text}")
    slots = len(adds)
    low = [(BEGINNING, -1)] * (slots + 2)
    high = [(PENDING, -1)] * (slots + 2)
    for value, row in reads:
        low[value + 1] = max(low[value + 1], (int(part.call[row]), row))
        high[value] = min(high[value], (int(part.ret[row]), row))
    for k in range(1, slots + 2):
        low[k] = max(low[k], low[k - 1])
    for k in range(slots, -1, -1):
        high[k] = min(high[k], high[k + 1])
    for k in range(1, slots + 1):
        if low[k][0] > high[k][0]:
            a, b = part[high[k][1]], part[low[k][1]]
            text = f"read {b.output or 0}, though #{a.index} had read {a.output or 0} and finished"
            return _invalid(part, adds, [high[k][1], low[k][1]], text)
    return _fill(part, adds, reads, low, high, most, step)


def _fill(
    part: History,
    adds: list[int],
    reads: list[tuple[int, int]],
    low: list[tuple[int, int]],
    high: list[tuple[int, int]],
    most: int,
    step: int,
) -> Decision:
    waiting = sorted(adds, key=lambda row: int(part.call[row]), reverse=True)
    live: list[tuple[int, int, int]] = []
    filled: list[int] = []
    certain = sum(part.status[row] != INFO for row in adds)
    k = 0
    while certain or k < most:
        k += 1
        while waiting and part.call[waiting[-1]] <= high[k][0]:
            row = waiting.pop()
            heapq.heappush(live, (int(part.ret[row]), int(part.call[row]), row))
        if not live:
            reader = high[k][1]
            text = f"read {part[reader].output}, {'more' if step > 0 else 'less'} than could have been added by then"
            return _invalid(part, adds, [reader], text)
        ret, _, row = heapq.heappop(live)
        if ret < low[k][0]:
            reader = low[k][1]
            text = f"read {part[reader].output or 0}, too {'little' if step > 0 else 'much'}: "
            text += f"#{part[row].index} and the increments before it had finished"
            return _invalid(part, adds, [*_before(part, filled, high, ret), reader], text)
        certain -= part.status[row] != INFO
        filled.append(row)
    order: list[int] = []
    at = 0
    for k in range(len(filled) + 1):
        if k:
            order.append(filled[k - 1])
        first = at
        while at < len(reads) and reads[at][0] == k:
            at += 1
        order += sorted((row for _, row in reads[first:at]), key=lambda row: int(part.call[row]))
    return Decision("valid", "schedule", witness=order)


def _before(part: History, filled: list[int], high: list[tuple[int, int]], ret: int) -> list[int]:
    """The read since which too many increments returned by `ret`; none if they are too many since the beginning.

    After the last slot that took an increment with a later return, all returned by `ret`; they could not be taken for
    that slot, so they were called after it had to be full.
    """
    slot = next((k for k in range(len(filled), 0, -1) if part.ret[filled[k - 1]] > ret), 0)
    return [high[slot][1]] if slot else []


def _invalid(part: History, adds: list[int], reads: list[int], text: str) -> Decision:
    """The sentence is about the last read. The counterexample: the reads, and the increments under way at any of them.

    All other increments surely count, or surely do not.
    """
    index = int(part.index[reads[-1]])
    explanation = Explanation("impossible-count", f"Impossible count: #{index} {text}.", (), index)
    rows = np.array(sorted(set(reads)))
    begun = np.searchsorted(np.sort(part.call[rows]), part.ret[adds], side="right")
    over = np.searchsorted(np.sort(part.ret[rows]), part.call[adds], side="left")
    chosen = sorted({*rows.tolist(), *np.array(adds, dtype=np.int64)[begun > over].tolist()})
    return Decision("invalid", "schedule", counterexample=tuple(chosen), explanation=explanation)
