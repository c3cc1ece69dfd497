"""Registers of ZooKeeper by kazoo (`pip install kazoo`), whose own thread completes the calls.

A read asks the server at the address, which may lag behind the leader; after a `sync` it has caught up. There is no
delete: a node that is made anew begins at version 0 again, and a cas by version could take it for the old one.
"""

import json
import logging
from contextlib import suppress

import trio
from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, KazooException, NodeExistsError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from targets.backends.clients.threads import Worker
from targets.protocol.node import Reply, Request

CONNECT_S_MAX = 2
logging.getLogger("kazoo").setLevel(logging.CRITICAL)  # a lost connection is an outcome, not a message on stderr


async def wait(result):
    """What a call of kazoo returns or raises; after a cancellation nobody waits for it."""
    done, token = trio.Event(), trio.lowlevel.current_trio_token()

    def completed(_):
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(done.set)

    result.rawlink(completed)
    await done.wait()
    return result.get()


class ZooKeeperClient:
    """A client of the server at host:port. `sync`: reads call sync before they read."""

    def __init__(self, address: str, *, sync: bool = True) -> None:
        self.address = address
        self.sync = sync
        self.worker = Worker()
        self.kazoo = None

    async def open(self) -> None:
        kazoo = KazooClient(hosts=self.address, timeout=CONNECT_S_MAX)
        try:
            # ends by itself after CONNECT_S_MAX
            await self.worker.run(lambda: kazoo.start(timeout=CONNECT_S_MAX), lambda: None)
        except KazooTimeoutError as error:
            raise OSError(f"no session within {CONNECT_S_MAX} s") from error
        self.kazoo = kazoo

    async def invoke(self, request: Request) -> Reply:
        path = f"/{request.key}"
        try:
            match request.f:
                case "read":
                    return Reply(request.id, "ok", (await self.read(path))[0])
                case "write":
                    await self.write(path, json.dumps(request.input).encode())
                    return Reply(request.id, "ok")
                case "cas":
                    return Reply(request.id, "ok", await self.cas(path, *request.input))
        except (KazooException, KazooTimeoutError) as error:
            return Reply(request.id, "info", error=f"{type(error).__name__}: {error}")

    async def read(self, path: str, *, sync: bool = False):
        """A node's value and version; of one that is not there None and None."""
        if sync or self.sync:
            await wait(self.kazoo.sync_async(path))
        try:
            data, state = await wait(self.kazoo.get_async(path))
        except NoNodeError:
            return None, None
        return json.loads(data), state.version

    async def write(self, path: str, data: bytes) -> None:
        while True:
            with suppress(NoNodeError):
                await wait(self.kazoo.set_async(path, data))
                return
            with suppress(NodeExistsError):
                await wait(self.kazoo.create_async(path, data))
                return

    async def cas(self, path: str, old, new) -> bool:
        """Writes only the version that was read; where another came between, all is done again."""
        data = json.dumps(new).encode()
        while True:
            found, version = await self.read(path, sync=True)
            if found != old:
                return False
            with suppress(BadVersionError, NodeExistsError):
                if version is None:
                    await wait(self.kazoo.create_async(path, data))
                else:
                    await wait(self.kazoo.set_async(path, data, version))
                return True

    async def close(self) -> None:
        kazoo, self.kazoo = self.kazoo, None
        if kazoo is not None:
            await self.worker.run(lambda: (kazoo.stop(), kazoo.close()), lambda: None)
