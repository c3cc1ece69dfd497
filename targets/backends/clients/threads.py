"""Calls of a synchronous library, such as a database driver, on a thread of their own.

A thread cannot be cancelled; a socket can be shut down. So a call that is cancelled is interrupted by the way that its
library offers, and waited for: no thread goes on with an operation that the history has given up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

T = TypeVar("T")

INTERRUPTED_S_MAX = 5.0
"""A call that does not end within that time after its interruption is left behind."""


class Worker:
    """Runs the calls of one client, at most one at a time.

    worker = Worker()
    reply = await worker.run(lambda: library.get(key), interrupt=lambda: sock.shutdown(socket.SHUT_RDWR))
    """

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(1)
        """Taken as long as the thread of a call runs, also when the call was abandoned."""

    async def run(self, call: Callable[[], T], interrupt: Callable[[], object]) -> T:
        """What `call` returns or raises. `interrupt` is called, from another thread, if the call is cancelled; it must
        make `call` end soon, and must not block or raise."""
        try:
            return await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._limiter)
        except trio.Cancelled:
            interrupt()
            with trio.move_on_after(INTERRUPTED_S_MAX, shield=True):
                async with self._limiter:
                    pass
            raise
