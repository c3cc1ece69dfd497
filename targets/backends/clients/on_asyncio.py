"""Client classes written for asyncio, run on trio: for libraries that need asyncio's event loop (aiohttp, aiokafka,
asyncpg, nats-py ...).

    @on_asyncio
    class MyClient:
        def __init__(self, address): ...
        async def open(self): ...                    # asyncio, as its library wants it
        async def invoke(self, request): ...
        async def close(self): ...

All such clients share one event loop, on a thread of its own. A call that the harness cancels is cancelled there too.
"""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import Any, TypeVar

import trio

from targets.protocol.cluster import Client
from targets.protocol.node import Reply, Request

T = TypeVar("T")

MAKE_S_MAX = 10.0
"""A constructor must return within this time."""


def on_asyncio(client: type[Any]) -> type[Client]:
    """A class decorator: constructor and methods of the client's instances run on asyncio's event loop."""

    class OnAsyncio:
        def __init__(self, address: str, **options: Any) -> None:
            async def make() -> Any:
                return client(address, **options)

            self._client = _begin(make()).result(MAKE_S_MAX)

        async def open(self) -> None:
            await _wait(self._client.open())

        async def invoke(self, request: Request) -> Reply:
            return await _wait(self._client.invoke(request))

        async def close(self) -> None:
            await _wait(self._client.close())

    OnAsyncio.__name__ = OnAsyncio.__qualname__ = client.__name__
    OnAsyncio.__module__, OnAsyncio.__doc__ = client.__module__, client.__doc__
    return OnAsyncio


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop of all clients, started when it is first used."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="asyncio clients", daemon=True)
    thread.start()

    def end() -> None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    atexit.register(end)
    return loop


async def _kept(call: Coroutine[Any, Any, T]) -> T:
    try:
        return await call
    except SystemExit as error:  # it would end the loop, and with it all other clients
        raise RuntimeError(f"the client called sys.exit({error.code})") from error


def _begin(call: Coroutine[Any, Any, T]) -> Future[T]:
    return asyncio.run_coroutine_threadsafe(_kept(call), _loop())


async def _wait(call: Coroutine[Any, Any, T]) -> T:
    """What a call on the loop returns or raises."""
    done, token = trio.Event(), trio.lowlevel.current_trio_token()

    def ended(_: Future[T]) -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(done.set)

    future = _begin(call)
    future.add_done_callback(ended)
    try:
        await done.wait()
    except trio.Cancelled:
        future.cancel()
        raise
    return future.result()
