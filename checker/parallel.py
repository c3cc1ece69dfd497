"""Executors for the parts of a check: processes of this machine, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from checker.errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Executor

DASK = "dask:"
CONNECT_S_MAX = 10


def validate_engine(engine: str | Executor) -> None:
    """Raises UsageError for a name that is none of an engine."""
    if isinstance(engine, str) and engine != "processes" and not engine.startswith(DASK):
        raise UsageError(f"unknown engine {engine!r}: use processes, or dask:ADDRESS (dask:tcp://host:8786)")


def validate_workers(workers: int | None, engine: str) -> None:
    """Raises UsageError for none, or more processes of this machine than cores."""
    from checker.processes import cores

    if workers is not None and engine == "processes" and not 1 <= workers <= cores():
        raise UsageError(f"--workers is {workers}; from 1 to {cores()} fit on the cores that this process may use")


@contextmanager
def pool(engine: str | Executor, tasks: int) -> Iterator[Executor]:
    """The executor that `engine` names: "processes", "dask:ADDRESS", or an Executor, which stays open.

    Raises UsageError for another name, a cluster that does not answer, or where `distributed` is not installed.
    """
    validate_engine(engine)
    if not isinstance(engine, str):
        yield engine
    elif engine == "processes":
        from checker.processes import processes  # with multiprocessing, which most checks do without

        with processes(tasks) as executor:
            yield executor
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
