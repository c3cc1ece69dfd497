"""The event loop: a heap of callbacks in virtual time. Ties run in the order in which they were scheduled."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeVar

What = TypeVar("What")

NEVER = 1 << 62


class Loop:
    """`now_ns` moves only when an event runs; `events` counts those that ran."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.events = 0
        self._heap: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._number = 0
        self._stop = False

    def at(self, time_ns: int, call: Callable[[What], None], what: What) -> None:
        """Run `call(what)` at a time; one that has passed means now, after what is already due."""
        self._number += 1
        heappush(self._heap, (time_ns if time_ns > self.now_ns else self.now_ns, self._number, call, what))

    def stop(self) -> None:
        """End `run` after the event that is running; if none is, the next `run` ends before its first."""
        self._stop = True

    def run(self, until: Callable[[], bool] | None, until_ns: int | None, max_events: int | None) -> bool:
        """Run events until `until()` holds, virtual time would pass `until_ns`, `max_events` ran, or none is left.

        Returns whether `stop` ended it.
        """
        heap = self._heap
        end_ns = NEVER if until_ns is None else until_ns
        last = NEVER if max_events is None else self.events + max_events
        while not self._stop and self.events < last and (until is None or not until()):
            if not heap or heap[0][0] > end_ns:
                if until_ns is not None and until_ns > self.now_ns:
                    self.now_ns = until_ns
                break
            self.now_ns, _, call, what = heappop(heap)
            self.events += 1
            call(what)
        stopped, self._stop = self._stop, False
        return stopped
