"""SIGINT and SIGTERM end the work in progress, but never the cleaning up after it nor the report."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType, TracebackType
from typing import Protocol, TypeVar

from checker.budget import Interrupted
from naysayer.printable import complain

T = TypeVar("T")


@asynccontextmanager
async def ended_by_signals(stop: Callable[[], None], cleaning: str) -> AsyncIterator[None]:
    """In the block the first signal calls `stop`. Each signal prints `cleaning` to stderr: what is still to be done,
    how long it takes, and what SIGKILL would leave behind.
    """
    import trio  # loaded already where this is awaited; commands that run nothing live do without

    listening = trio.CancelScope()

    async def listen() -> None:
        with listening, trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                stop()
                complain(f"stopping; {cleaning}")

    trio.lowlevel.spawn_system_task(listen)  # not a child task: the end or failure of the block must not cancel it
    await trio.lowlevel.checkpoint()
    try:
        yield
    finally:
        listening.cancel()


class Stop(Protocol):
    """Whether long work is to come to its end."""

    @property
    def made(self) -> bool: ...


class StopRequest:
    """As a context (in the main thread): SIGINT and SIGTERM only set `made`, which long work checks regularly."""

    def __init__(self) -> None:
        self.made = False

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._make) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _make(self, number: int, frame: FrameType | None) -> None:
        self.made = True


class Reporting:
    """From the end of a run to its report: as a context (in the main thread), it keeps signals from ending the command.

    Optional work is done through `attempt`: the first signal ends it, and later attempts are not begun.
    """

    def __init__(self) -> None:
        self._stopped = self._attempting = False

    def __enter__(self) -> Reporting:
        self._before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def attempt(self, work: Callable[[], T]) -> T | None:
        """The result of `work` (which may have handled Interrupted itself); None if a signal prevented a result."""
        found = None
        try:
            self._attempting = True
            if not self._stopped:
                found = work()
        except Interrupted:
            pass
        finally:
            self._attempting = False
        return found

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopped = True
        if self._attempting:
            self._attempting = False  # only once: the code that handles it must not be interrupted again
            raise Interrupted
