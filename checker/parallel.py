"""Executors for the parts of a check: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, ParamSpec, TypeVar

from checker.errors import UsageError

P = ParamSpec("P")
T = TypeVar("T")

DASK = "dask:"
CONNECT_S_MAX = 10


def validate_engine(engine: str | Executor) -> None:
    """Raises UsageError for a name that is none of an engine."""
    if not isinstance(engine, Executor) and engine != "processes" and not engine.startswith(DASK):
        raise UsageError(f"unknown engine {engine!r}: use processes, or dask:ADDRESS (dask:tcp://host:8786)")


@contextmanager
def pool(engine: str | Executor, tasks: int) -> Iterator[Executor]:
    """The executor that `engine` names: "processes", "dask:ADDRESS", or an Executor, which stays open.

    Raises UsageError for another name, a cluster that does not answer, or where `distributed` is not installed.
    """
    validate_engine(engine)
    if isinstance(engine, Executor):
        yield engine
    elif engine == "processes":
        # Spawned, not forked: a fork of a process with threads (numpy, trio) may hang.
        workers = min(tasks, os.cpu_count() or 1)
        with _Processes(workers, mp_context=_Workers(), initializer=_ignore_interrupts) as processes:
            try:
                yield processes
            except BaseException:  # their results are not needed
                processes.end()
                raise
    else:
        with _dask(engine.removeprefix(DASK)) as executor:
            yield executor


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        distributed: Any = import_module("distributed")  # the optional extra; heavy
    except ImportError:
        raise UsageError("the engine dask needs the package distributed: pip install 'naysayer[dask]'") from None
    try:
        client = distributed.Client(address, timeout=CONNECT_S_MAX, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"no Dask scheduler answers at {address}: {error}") from None
    with client, client.get_executor() as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False)  # cancels
            raise


class _Worker(SpawnProcess):
    """Ignores Ctrl-C, which a terminal sends to every process of a command: its parent ends it."""

    def start(self) -> None:
        if not hasattr(signal, "pthread_sigmask"):  # Windows: _ignore_interrupts has to do, once the process runs
            super().start()
            return
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child inherits it
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
