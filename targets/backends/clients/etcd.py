"""etcd v3 through its JSON gateway (/v3/kv/put, range, txn, deleterange). Keys and values travel as base64.

Values are stored as JSON text, so that numbers come back as numbers. `serializable` reads ask one member's own state:
stale by design. Every answer other than success leaves the outcome unknown (an isolated leader answers 503 `request
timed out` for a write that may still commit), except a connection that was never made.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from checker.errors import UsageError
from targets.backends.clients.exchange import HttpConnection, doubt
from targets.backends.wire import JUNK
from targets.protocol.node import Reply, Request


class Pair(msgspec.Struct, frozen=True):
    """A key's value, as base64 of JSON."""

    value: str


class Range(msgspec.Struct, frozen=True):
    """What a read within a transaction found."""

    kvs: tuple[Pair, ...] = ()


class Response(msgspec.Struct, frozen=True):
    """The answer to one request of a transaction."""

    response_range: Range | None = None


class EtcdAnswer(msgspec.Struct, frozen=True):
    """What etcd answers to any of the four. `header` is never left out, so an answer without it is not etcd's."""

    header: dict[str, Any]
    kvs: tuple[Pair, ...] = ()
    succeeded: bool = False
    responses: tuple[Response, ...] = ()
    """Of a transaction, one for each request."""


def _text(value: Any) -> str:
    return base64.b64encode(msgspec.json.encode(value)).decode()


def _first(pairs: tuple[Pair, ...]) -> Any:
    return msgspec.json.decode(base64.b64decode(pairs[0].value)) if pairs else None


def _revision(request: Request, answer: EtcdAnswer) -> int | None:
    """The store's revision after a transaction that wrote, which no other one made."""
    wrote = request.f == "txn" and any(f == "w" for f, _, _ in request.input)
    revision = str(answer.header.get("revision", ""))
    return int(revision) if wrote and revision.isdecimal() else None


def _step(f: str, key: Any, value: Any) -> dict[str, Any]:
    """One read or write of a transaction. etcd refuses one that writes a key twice."""
    if f == "r":
        return {"request_range": {"key": _text(key)}}
    if f != "w":
        raise UsageError(f"transactions of the etcd client read and write registers: there is no {f}")
    return {"request_put": {"key": _text(key), "value": _text(value)}}


class EtcdClient:
    """A client of one member at its client URL, e.g. http://127.0.0.1:2379."""

    def __init__(self, base_url: str, *, serializable: bool = False) -> None:
        self._connection = HttpConnection(base_url)
        self._serializable = serializable

    async def open(self) -> None:
        """Nothing to open before the first call."""

    def _call(self, request: Request) -> tuple[str, dict[str, Any]]:
        key = _text("" if request.key is None else request.key)
        match request.f:
            case "read":
                return "range", {"key": key, **({"serializable": True} if self._serializable else {})}
            case "write":
                return "put", {"key": key, "value": _text(request.input)}
            case "delete":
                return "deleterange", {"key": key}
            case "cas":
                old, new = request.input
                compare: dict[str, Any] = {"key": key, "result": "EQUAL"}
                compare |= (
                    {"target": "CREATE", "create_revision": "0"}
                    if old is None
                    else {"target": "VALUE", "value": _text(old)}
                )
                put = {"request_put": {"key": key, "value": _text(new)}}
                return "txn", {"compare": [compare], "success": [put]}
            case "txn":
                return "txn", {"success": [_step(*step) for step in request.input]}
            case other:
                raise UsageError(f"the etcd client offers read, write, cas, delete and txn, not {other}")

    async def invoke(self, request: Request) -> Reply:
        path, body = self._call(request)
        answer = await self._connection.exchange(request, "POST", f"/v3/kv/{path}", msgspec.json.encode(body))
        if isinstance(answer, Reply):
            return answer
        if answer.status != 200:
            return doubt(request, answer.text())
        try:
            known = msgspec.json.decode(answer.data, type=EtcdAnswer)
            output = self._output(request, known)
            return Reply(request.id, "ok", output, commit=_revision(request, known))
        except (*JUNK, ValueError) as error:
            return doubt(request, f"answer that makes no sense: {error}")

    @staticmethod
    def _output(request: Request, answer: EtcdAnswer) -> Any:
        if request.f == "read":
            return _first(answer.kvs)
        if request.f == "txn":
            return [
                [f, key, _first(one.response_range.kvs) if f == "r" and one.response_range is not None else value]
                for (f, key, value), one in zip(request.input, answer.responses, strict=True)
            ]
        return answer.succeeded if request.f == "cas" else None

    async def close(self) -> None:
        """End the connection; the client may be used again."""
        await self._connection.close()
