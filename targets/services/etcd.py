"""etcd v3 through its JSON gateway (/v3/kv/put, range, txn, deleterange). Keys and values travel as base64.

Values are stored as JSON text, so that numbers come back as numbers. `serializable` reads ask one member's own state:
stale by design. Every answer that is no success leaves the outcome unknown (an isolated leader says 503 `request timed
out` for a write that may still commit), except a connection that was never made.
"""

from __future__ import annotations

import base64
from typing import Any

import httpx
import msgspec

from checker.errors import UsageError
from targets.node import Reply, Request


def _text(value: Any) -> str:
    return base64.b64encode(msgspec.json.encode(value)).decode()


class EtcdClient:
    """A client of one member at its client URL, e.g. http://127.0.0.1:2379."""

    def __init__(self, base_url: str, *, serializable: bool = False) -> None:
        self._base_url = base_url.rstrip("/")
        self._serializable = serializable
        self._client: httpx.AsyncClient | None = None

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
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=None, trust_env=False)
        try:
            answer = await self._client.post(f"{self._base_url}/v3/kv/{path}", content=msgspec.json.encode(body))
        except httpx.ConnectError as error:
            return Reply(request.id, "fail", None, f"no connection: {error}")
        except httpx.HTTPError as error:
            return Reply(request.id, "info", None, f"{type(error).__name__}: {error}")
        if answer.status_code != 200:
            return Reply(request.id, "info", None, f"status {answer.status_code}: {answer.text[:200].strip()}")
        try:
            return Reply(request.id, "ok", self._output(request, msgspec.json.decode(answer.content)))
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            return Reply(request.id, "info", None, f"answer that makes no sense: {error}")

    @staticmethod
    def _output(request: Request, answer: dict[str, Any]) -> Any:
        if request.f == "read":
            found = answer.get("kvs") or []
            return msgspec.json.decode(base64.b64decode(found[0]["value"])) if found else None
        if request.f == "cas":
            return bool(answer.get("succeeded", False))
        return None

    async def close(self) -> None:
        """End the connection; the client may be used again."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
