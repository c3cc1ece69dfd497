"""The event loop: a heap of callbacks in virtual time. Ties run in the order in which they were scheduled."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeVar

What = TypeVar("What")

FOREVER = 1 << 62
AT_ONCE = -1


class Loop:
    """`now_ns` moves only when an event runs."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._heap: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._scheduled = 0
        self._end_ns = FOREVER
        self._stopped = False

    @property
    def events(self) -> int:
        """How many events ran."""
        return self._scheduled - len(self._heap)

    def at(self, time_ns: int, call: Callable[[What], None], what: What) -> None:
        """Run `call(what)` at a time; one that has passed means now, after what is already due."""
        self._scheduled += 1
        heappush(self._heap, (time_ns if time_ns > self.now_ns else self.now_ns, self._scheduled, call, what))

    def stop(self) -> None:
        """End `run` after the event that is running; if none is, the next `run` ends before its first."""
        self._stopped = True
        self._end_ns = AT_ONCE

    def run(self, until: Callable[[], bool] | None, until_ns: int | None) -> bool:
        """Run events until `until()` holds, virtual time would pass `until_ns`, or none is left.

        Returns whether `stop` ended it.
        """
        self._end_ns = FOREVER if until_ns is None else until_ns
        if self._stopped:
            self._end_ns = AT_ONCE
        heap = self._heap
        while heap and heap[0][0] <= self._end_ns:
            if until is not None and until():
                return False
            self.now_ns, _, call, what = heappop(heap)
            call(what)
        stopped, self._stopped = self._stopped, False
        if not stopped and until_ns is not None and until_ns > self.now_ns:
            self.now_ns = until_ns
        return stopped
