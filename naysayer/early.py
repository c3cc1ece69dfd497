"""Ends a live run at its first violation: what has been recorded is judged beside the run, by another process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import trio

from naysayer.follow import EVERY_S, Found


async def first_violation(history: Path, model: str, flush: Callable[[], None]) -> Found | None:
    """Wait until the events in a file prove a violation; None if the process that judges them ended by itself.

    `flush` writes out what has been recorded. Cancel it when the run is over.
    """
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "naysayer.follow", str(history), model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is for this process
    )
    assert process.stdout is not None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_flushed, flush)
            printed = b"".join([piece async for piece in process.stdout])
            nursery.cancel_scope.cancel()
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                await trio.aclose_forcefully(pipe)
    return msgspec.json.decode(printed, type=Found) if printed else None


async def _flushed(flush: Callable[[], None]) -> None:
    while True:
        flush()
        await trio.sleep(EVERY_S / 2)
