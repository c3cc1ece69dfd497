"""SIGINT and SIGTERM in commands that must clean up: they end what is going on, never the cleaning up itself."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def ended_by_signals(stop: Callable[[], None], cleaning: str) -> AsyncIterator[None]:
    """In the block the first signal calls `stop`; each says on stderr what is still to be done, and how long it takes.

    Whoever cannot wait has SIGKILL, and is told what that leaves behind.
    """
    listening = trio.CancelScope()

    async def listen() -> None:
        with listening, trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                stop()
                sys.stderr.write(f"naysayer: stopping; {cleaning}\n")

    trio.lowlevel.spawn_system_task(listen)  # not a child: what ends or fails in the block must not end it
    await trio.lowlevel.checkpoint()
    try:
        yield
    finally:
        listening.cancel()
