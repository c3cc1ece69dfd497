"""The event loop: a heap of callbacks in virtual time. Ties run in the order in which they were scheduled.

The end of a run is an event too, so that only the next event is examined between two of them.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

What = TypeVar("What")

FIRST, LAST = -1, 1 << 62
"""Numbers of ends, before and after all other events of the same time."""


class _Ended(Exception):  # noqa: N818 - control flow: ends the run in which it is raised
    """A run ends."""


def _order(event: tuple[int, int, Any, Any]) -> tuple[int, int]:
    return event[:2]


class Loop:
    """`now_ns` moves only when an event runs."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._heap: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._scheduled = 0
        self._runs = 0
        self._ends = 0
        """How many ends are in the heap."""
        self._withdrawn = 0
        self._stopped = False

    @property
    def events(self) -> int:
        """How many events ran."""
        return self._scheduled - self._withdrawn - (len(self._heap) - self._ends)

    def at(self, time_ns: int, call: Callable[[What], None], what: What) -> None:
        """Run `call(what)` at a time that has not passed; at the current time, after what is due already."""
        self._scheduled += 1
        heappush(self._heap, (time_ns, self._scheduled, call, what))

    def waiting(self, call: Callable[[What], None]) -> list[tuple[int, What]]:
        """The calls of this kind that are to run, in order: when (ns), and with what."""
        return [(time_ns, what) for time_ns, _, other, what in sorted(self._heap, key=_order) if other == call]

    def withdraw(self, what: object) -> None:
        """What was to be called with this very object is not called."""
        kept = [one for one in self._heap if one[3] is not what]
        self._withdrawn += len(self._heap) - len(kept)
        self._heap[:] = kept  # `run` holds the list
        heapify(self._heap)

    def next_ns(self) -> int | None:
        """When the next event is due; None if none is."""
        return min((time_ns for time_ns, _, call, _ in self._heap if call != self._end), default=None)

    def stop(self) -> None:
        """End `run` after the event that is running; if none is, the next `run` ends before its first."""
        if not self._stopped:
            self._stopped = True
            self._end_at(self.now_ns, FIRST, None)

    def _end_at(self, time_ns: int, number: int, run: int | None) -> None:
        self._ends += 1
        heappush(self._heap, (time_ns, number, self._end, run))

    def _end(self, run: int | None) -> None:
        self._ends -= 1
        if run in (None, self._runs):  # or else that run ended before its time
            raise _Ended

    def run(self, until: Callable[[], bool] | None, until_ns: int | None) -> bool:
        """Run events until `until()` holds, virtual time would pass `until_ns`, or none is left.

        Returns whether `stop` ended it.
        """
        self._runs += 1
        if until_ns is not None:
            self._end_at(max(until_ns, self.now_ns), LAST + self._runs, self._runs)
        heap = self._heap
        try:
            while heap:
                if until is not None and until():
                    break
                self.now_ns, _, call, what = heappop(heap)
                call(what)
        except _Ended:
            stopped, self._stopped = self._stopped, False
            return stopped
        return False
