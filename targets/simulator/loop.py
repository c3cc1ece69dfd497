"""The event loop: a heap of callbacks in virtual time. Ties run in the order in which they were scheduled."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class Loop:
    """`now_ns` moves only when an event runs; `events` counts those that ran."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.events = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0

    def at(self, time_ns: int, call: Callable[..., None], *arguments: Any) -> None:
        """Run `call(*arguments)` at a time; one that has passed means now, after what is already due."""
        self._number += 1
        heappush(self._heap, (time_ns if time_ns > self.now_ns else self.now_ns, self._number, call, arguments))

    def run(self, until: Callable[[], bool] | None, until_ns: int | None, max_events: int | None) -> None:
        """Run events until `until()` holds, virtual time would pass `until_ns`, `max_events` ran, or none is left."""
        heap = self._heap
        last = None if max_events is None else self.events + max_events
        while heap:
            if until is not None and until():
                return
            if until_ns is not None and heap[0][0] > until_ns:
                break
            if last is not None and self.events >= last:
                return
            time_ns, _, call, arguments = heappop(heap)
            self.now_ns = time_ns
            self.events += 1
            call(*arguments)
        if until_ns is not None and until_ns > self.now_ns:
            self.now_ns = until_ns
