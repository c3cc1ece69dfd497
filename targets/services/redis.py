"""Redis, one client per server. Only the primary counts: reads ask for the role in the same transaction.

A replica refuses (READONLY, or a role that is not master): certainly nothing happened. The library is synchronous and
runs in a worker thread; a cancelled call is abandoned with its connection.
"""

from __future__ import annotations

from typing import Any

import msgspec
import redis
import trio
from redis.backoff import NoBackoff
from redis.retry import Retry

from checker.errors import UsageError
from targets.node import Reply, Request

CAS = """
if redis.call('get', KEYS[1]) == ARGV[1] or (ARGV[1] == '' and redis.call('exists', KEYS[1]) == 0) then
  redis.call('set', KEYS[1], ARGV[2]); return 1
end
return 0
"""


class NotPrimaryError(Exception):
    """A replica was asked to read."""


class RedisClient:
    """A client of the server at host:port. Operations: read, write, cas, delete."""

    def __init__(self, host: str, port: int, *, timeout_s: float = 5.0) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._redis: redis.Redis | None = None

    async def open(self) -> None:
        """Nothing to open before the first call."""

    def _run(self, request: Request) -> Any:
        server = self._redis
        assert server is not None
        key = "" if request.key is None else str(request.key)
        match request.f:
            case "read":
                with server.pipeline(transaction=True) as together:
                    together.execute_command("ROLE")  # type: ignore[no-untyped-call]
                    together.get(key)
                    role, value = together.execute()
                if role[0] not in (b"master", "master"):
                    raise NotPrimaryError
                return None if value is None else msgspec.json.decode(value)
            case "write":
                server.set(key, msgspec.json.encode(request.input))
                return None
            case "cas":
                old, new = request.input
                before = b"" if old is None else msgspec.json.encode(old)
                return bool(server.eval(CAS, 1, key, before, msgspec.json.encode(new)))
            case "delete":
                server.delete(key)
                return None
            case other:
                raise UsageError(f"the Redis client offers read, write, cas and delete, not {other}")

    async def invoke(self, request: Request) -> Reply:
        if self._redis is None:
            self._redis = redis.Redis(
                self._host,
                self._port,
                socket_timeout=self._timeout_s,
                socket_connect_timeout=self._timeout_s,
                # the library would send a write again after a broken connection: then one operation happens twice
                retry=Retry(NoBackoff(), 0),
            )
        try:
            output = await trio.to_thread.run_sync(self._run, request, abandon_on_cancel=True)
        except NotPrimaryError:
            return Reply(request.id, "fail", None, "not the primary")
        except redis.ReadOnlyError as error:
            return Reply(request.id, "fail", None, str(error))
        except redis.ConnectionError as error:
            refused = "refused" in str(error).lower()
            return Reply(request.id, "fail" if refused else "info", None, str(error))
        except redis.RedisError as error:
            return Reply(request.id, "info", None, f"{type(error).__name__}: {error}")
        return Reply(request.id, "ok", output)

    async def close(self) -> None:
        """End the connection; the client may be used again."""
        server, self._redis = self._redis, None
        if server is not None:
            server.close()
