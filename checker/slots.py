"""A part of a history as the depth-first and the bit-parallel search see it.

The returns are numbered in order of time. Every operation that returns has a *slot* from its call to its return, the
lowest that is free; a mask over the slots says which of the live operations are linearized. So (number of the first
return that is not done, mask, state) says exactly what has happened, however long the history is: all before that
return is done, and nothing called after it can be. Pending operations have no slots: equal ones are counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from heapq import heappop, heappush

import numpy as np

from checker.history import PENDING, Column


class Slots:
    """The returns of some operations, and what is live or pending at each; per row its call, return and kind."""

    def __init__(self, call: Column, ret: Column, kinds: list[int]) -> None:
        self.kinds = kinds
        self.bit = [0] * len(kinds)
        """Per row: the bit of its slot, 0 if it is pending."""
        self.returns: list[int] = []
        """The rows that return, in order."""
        self.bits: list[int] = []
        """The bits of those; 0 behind the last one."""
        self.live: list[list[int]] = []
        """Per return: the rows called by then that have not returned before, in order of return; none behind the last
        one."""
        self.pending: list[tuple[int, list[int], list[int]]] = []
        """Per kind of pending operations: the kind, its rows in order of call, and the returns they precede."""
        self.width = 0
        """How many slots there are."""
        self._walk(call, ret)

    def _walk(self, call: Column, ret: Column) -> None:
        rets, kinds = ret.tolist(), self.kinds
        counters: dict[int, int] = {}
        free: list[int] = []
        live: list[tuple[int, int]] = []
        for row, is_return in events(call, ret):
            if is_return:
                self.returns.append(row)
                self.bits.append(self.bit[row])
                self.live.append([other for _, other in live])
                del live[bisect_left(live, (rets[row], row))]
                heappush(free, self.bit[row])
            elif rets[row] == PENDING:
                counter = counters.setdefault(kinds[row], len(self.pending))
                if counter == len(self.pending):
                    self.pending.append((kinds[row], [], []))
                self.pending[counter][1].append(row)
                self.pending[counter][2].append(len(self.returns))
            else:
                if not free:
                    heappush(free, 1 << self.width)
                    self.width += 1
                self.bit[row] = heappop(free)
                insort(live, (rets[row], row))
        self.bits.append(0)
        self.live.append([])

    def available(self, number: int) -> Iterator[tuple[int, int, int]]:
        """(counter, kind, how many) of the pending operations called before return `number`."""
        for counter, (kind, _, since) in enumerate(self.pending):
            if since[0] > number:
                return
            yield counter, kind, bisect_right(since, number)


def events(call: Column, ret: Column) -> Iterator[tuple[int, bool]]:
    """(row, whether it returns) in order of time; at equal times calls stand before returns."""
    ended = np.flatnonzero(ret != PENDING)
    rows = np.concatenate((np.arange(len(call)), ended))
    returns = np.concatenate((np.zeros(len(call), dtype=np.int64), np.ones(len(ended), dtype=np.int64)))
    order = np.lexsort((rows, returns, np.concatenate((call, ret[ended]))))
    return zip(rows[order].tolist(), (returns[order] == 1).tolist(), strict=True)
