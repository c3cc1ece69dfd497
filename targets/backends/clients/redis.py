"""Redis, one client per server. Only the primary counts: reads ask for the role in the same transaction.

A server that refuses before it does anything (a replica, one that is loading or out of memory) leaves no doubt: fail.
Every other answer but the expected one leaves the outcome unknown.
"""

from __future__ import annotations

from typing import Any

import msgspec
import trio

from checker.errors import UsageError
from targets.backends.clients.resp import Refusal, RespConnection, RespError
from targets.backends.wire import JUNK
from targets.protocol.node import Reply, Request

CAS = """
if redis.call('get', KEYS[1]) == ARGV[1] or (ARGV[1] == '' and redis.call('exists', KEYS[1]) == 0) then
  redis.call('set', KEYS[1], ARGV[2]); return 1
end
return 0
"""

BEFORE_ANYTHING = frozenset(
    {"READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "MISCONF", "OOM", "MOVED", "NOAUTH", "NOPERM"}
)
"""The errors with which a server refuses a command unexecuted (processCommand in Redis' server.c)."""

ANSWER_SHOWN = 200


class _RefusedError(Exception):
    """The server refused before it did anything."""


class RedisClient:
    """A client of the server at host:port. Operations: read, write, cas, delete, and txn on registers."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._connection: RespConnection | None = None

    async def open(self) -> None:
        """Nothing to open before the first call."""

    async def invoke(self, request: Request) -> Reply:
        commands = _commands(request)
        # put back only after a whole answer: what comes after half of one would be taken for the next
        connection, self._connection = self._connection, None
        try:
            if connection is not None and not connection.is_quiet():
                connection.close()  # ended by the server: nothing is lost if nothing is sent on it
                connection = None
            if connection is None:
                connection = await RespConnection.connect(self._host, self._port)
        except OSError as error:
            return Reply(request.id, "fail", None, f"no connection: {error}")
        try:
            answer = (await connection.call(*commands))[-1]
            self._connection = connection
            return Reply(request.id, "ok", _output(request, answer))
        except _RefusedError as refusal:
            return Reply(request.id, "fail", None, str(refusal))
        except trio.BrokenResourceError:
            return Reply(request.id, "info", None, "the server reset the connection")
        except (RespError, *JUNK) as error:
            return Reply(request.id, "info", None, str(error))
        finally:
            if self._connection is not connection:
                connection.close()

    async def close(self) -> None:
        """End the connection; the client may be used again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _commands(request: Request) -> list[tuple[bytes | str, ...]]:
    """What is sent for an operation; the last answer has its outcome."""
    key = "" if request.key is None else str(request.key)
    match request.f:
        case "read":
            return [("MULTI",), ("ROLE",), ("GET", key), ("EXEC",)]
        case "write":
            return [("SET", key, msgspec.json.encode(request.input))]
        case "cas":
            old, new = request.input
            before = b"" if old is None else msgspec.json.encode(old)
            return [("EVAL", CAS, "1", key, before, msgspec.json.encode(new))]
        case "delete":
            return [("DEL", key)]
        case "txn":
            return [("MULTI",), ("ROLE",), *(_step(*step) for step in request.input), ("EXEC",)]
        case other:
            raise UsageError(f"the Redis client offers read, write, cas, delete and txn, not {other}")


def _step(f: str, key: Any, value: Any) -> tuple[bytes | str, ...]:
    """One read or write of a transaction."""
    if f == "r":
        return ("GET", str(key))
    if f != "w":
        raise UsageError(f"transactions of the Redis client read and write registers: there is no {f}")
    return ("SET", str(key), msgspec.json.encode(value))


def _done(step: tuple[str, Any, Any], found: Any) -> list[Any]:
    f, key, value = step
    if f == "r" and (found is None or isinstance(found, bytes)):
        value = None if found is None else msgspec.json.decode(found)
    elif f == "r" or found != b"OK":
        raise RespError(f"no answer to {f} in a transaction: {str(found)[:ANSWER_SHOWN]}")
    return [f, key, value]


def _output(request: Request, answer: Any) -> Any:
    """The output of an operation that happened; an exception if the answer is anything else."""
    if isinstance(answer, Refusal):
        raise (_RefusedError if answer.code in BEFORE_ANYTHING else RespError)(answer)
    match request.f, answer:
        case "read", [[b"master", *_], bytes(value)]:
            return msgspec.json.decode(value)
        case "read", [[b"master", *_], None]:
            return None
        case "read", [[bytes(), *_], _]:
            raise _RefusedError("not the primary")
        case "txn", [[b"master", *_], *found]:
            return [_done(step, one) for step, one in zip(request.input, found, strict=True)]
        case "txn", [[bytes(), *_], *_]:
            raise RespError("not the primary")
        case "write", b"OK":
            return None
        case "cas", 0 | 1:
            return bool(answer)
        case "delete", int():
            return None
    raise RespError(f"no answer to {request.f}: {str(answer)[:ANSWER_SHOWN]}")
