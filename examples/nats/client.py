"""A key-value bucket of NATS JetStream by nats-py (`pip install nats-py`), a library of asyncio."""

import json
from contextlib import suppress

import nats
from nats.errors import Error
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError

from targets.backends.clients.on_asyncio import on_asyncio
from targets.protocol.node import Reply, Request

CONNECT_S_MAX = 2
BUCKET = "naysayer"


@on_asyncio
class NatsClient:
    """A client of the server at nats://host:port. The bucket is kept by `replicas` servers."""

    def __init__(self, address: str, *, replicas: int = 1) -> None:
        self.address = address
        self.replicas = replicas
        self.nats = self.bucket = None

    async def open(self) -> None:
        try:
            # the library's own retries are off: it would send a request again that has been carried out
            self.nats = await nats.connect(
                self.address,
                connect_timeout=CONNECT_S_MAX,
                allow_reconnect=False,
                max_reconnect_attempts=1,  # 0 would be no limit
                reconnect_time_wait=0,
                error_cb=quiet,
            )
            stream = self.nats.jetstream(timeout=CONNECT_S_MAX)
            self.bucket = await stream.create_key_value(bucket=BUCKET, replicas=self.replicas)
        except (Error, TimeoutError) as error:
            await self.close()
            raise OSError(f"no connection, or no bucket: {type(error).__name__}: {error}") from error

    async def invoke(self, request: Request) -> Reply:
        try:
            return Reply(request.id, "ok", await self.carry_out(request))
        except (Error, TimeoutError) as error:
            return Reply(request.id, "info", error=f"{type(error).__name__}: {error}")

    async def carry_out(self, request: Request):
        match request.f:
            case "read":
                return (await self.read(request.key))[0]
            case "write":
                await self.bucket.put(request.key, encoded(request.input))
            case "delete":
                await self.bucket.delete(request.key)
            case "cas":
                return await self.cas(request.key, *request.input)
        return None

    async def read(self, key: str):
        """A key's value and revision; of one that is not there None and None."""
        try:
            entry = await self.bucket.get(key)
        except KeyNotFoundError:
            return None, None
        return json.loads(entry.value), entry.revision

    async def cas(self, key: str, old, new) -> bool:
        """Writes only after the revision that was read; where another came between, all is done again."""
        while True:
            found, revision = await self.read(key)
            if found != old:
                return False
            with suppress(KeyWrongLastSequenceError):
                if revision is None:
                    await self.bucket.create(key, encoded(new))
                else:
                    await self.bucket.update(key, encoded(new), last=revision)
                return True

    async def close(self) -> None:
        connection, self.nats = self.nats, None
        if connection is not None:
            with suppress(Error, TimeoutError, OSError):
                await connection.close()


def encoded(value) -> bytes:
    return json.dumps(value).encode()


async def quiet(error: Exception) -> None:
    """A lost connection is an outcome, not a message on stderr."""
