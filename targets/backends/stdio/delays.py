"""Messages on their way: each is delivered when it is due, those due at once in the order in which they were sent."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

import trio


class Delays:
    """One task (`run`) for all messages under way: a task for each would cost more than its message."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._sooner = trio.Event()

    def after(self, delay_ms: float, deliver: Callable[[], None]) -> None:
        """Call `deliver` after so long; at once if that is 0."""
        if delay_ms <= 0:
            deliver()
            return
        due_s = trio.current_time() + delay_ms / 1000
        first = not self._waiting or due_s < self._waiting[0][0]
        heappush(self._waiting, (due_s, next(self._numbers), deliver))
        if first:
            self._sooner.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._sooner = trio.Event()
            deadline_s = self._waiting[0][0] if self._waiting else float("inf")
            with trio.move_on_at(deadline_s):
                await self._sooner.wait()
            while self._waiting and self._waiting[0][0] <= trio.current_time():
                heappop(self._waiting)[2]()
