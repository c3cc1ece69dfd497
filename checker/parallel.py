"""Executors for the parts of a check: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from checker.errors import UsageError

DASK = "dask:"
CONNECT_S_MAX = 10


def refuse_unknown(engine: str | Executor) -> None:
    """Raises UsageError for a name that is none of an engine."""
    if not isinstance(engine, Executor) and engine != "processes" and not engine.startswith(DASK):
        raise UsageError(f"unknown engine {engine!r}: use processes, or dask:ADDRESS (dask:tcp://host:8786)")


@contextmanager
def pool(engine: str | Executor, tasks: int) -> Iterator[Executor]:
    """The executor that `engine` names: "processes", "dask:ADDRESS", or an Executor, which stays open.

    Raises UsageError for another name, a cluster that does not answer, or where `distributed` is not installed.
    """
    refuse_unknown(engine)
    if isinstance(engine, Executor):
        yield engine
    elif engine == "processes":
        # Spawned, not forked: a fork of a process with threads (numpy, trio) may hang.
        workers = min(tasks, os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
            yield processes
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
        yield executor
