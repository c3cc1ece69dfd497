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


class EtcdAnswer(msgspec.Struct, frozen=True):
    """What etcd answers to any of the four. `header` is never left out, so an answer without it is not etcd's."""

    header: dict[str, Any]
    kvs: tuple[Pair, ...] = ()
    succeeded: bool = False


def _text(value: Any) -> str:
    return base64.b64encode(msgspec.json.encode(value)).decode()


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
            case other:
                raise UsageError(f"the etcd client offers read, write, cas and delete, not {other}")

    async def invoke(self, request: Request) -> Reply:
        path, body = self._call(request)
        answer = await self._connection.exchange(request, "POST", f"/v3/kv/{path}", msgspec.json.encode(body))
        if isinstance(answer, Reply):
            return answer
        if answer.status != 200:
            return doubt(request, answer.text())
        try:
            return Reply(request.id, "ok", self._output(request, msgspec.json.decode(answer.data, type=EtcdAnswer)))
        except (*JUNK, ValueError) as error:
            return doubt(request, f"answer that makes no sense: {error}")

    @staticmethod
    def _output(request: Request, answer: EtcdAnswer) -> Any:
        if request.f == "read":
            return msgspec.json.decode(base64.b64decode(answer.kvs[0].value)) if answer.kvs else None
        return answer.succeeded if request.f == "cas" else None

    async def close(self) -> None:
        """End the connection; the client may be used again."""
        await self._connection.close()
