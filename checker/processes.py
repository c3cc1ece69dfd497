"""Processes of this machine that judge the parts of a check. Imported when there is work for several."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def cores() -> int:
    """How many cores this process may use: its CPU affinity counts, where the platform has one."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def processes(tasks: int) -> Iterator[ProcessPoolExecutor]:
    """As many processes as there are cores, for so many tasks. Whatever leaves the block early ends them."""
    # Spawned, not forked: a fork of a process with threads (numpy, trio) may hang.
    workers = min(tasks, cores())
    with _Processes(workers, mp_context=_Workers(), initializer=_begin) as started:
        try:
            yield started
        except BaseException:  # their results are not needed
            started.end()
            raise


class _Worker(SpawnProcess):
    """Ignores Ctrl-C, which a terminal sends to every process of a command: its parent ends it."""

    def start(self) -> None:
        if not hasattr(signal, "pthread_sigmask"):  # Windows: _begin has to do, once the process runs
            super().start()
            return
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child inherits it
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _begin() -> None:
    """What a worker does first: it ignores Ctrl-C, and ends with its parent, even one that was killed (SIGKILL)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Workers(SpawnContext):
    Process = _Worker


class _Processes(ProcessPoolExecutor):
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Starts a process where one is needed: what a signal handler raises amid that would leave half a one."""
        with _signals_deferred():
            return super().submit(fn, *args, **kwargs)

    def end(self) -> None:
        """End all processes, whatever they do."""
        for process in list(self._processes.values()):  # from Python 3.14: terminate_workers()
            process.terminate()


@contextmanager
def _signals_deferred() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # handlers run in the main thread only
        yield
        return
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)
