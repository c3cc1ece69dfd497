"""A store behind HTTP/JSON, told by paths and bodies in cluster.toml, so that a student's store needs no code.

    [client.http.read]
    method = "GET"
    path = "/kv/{key}"
    output = "value"            # where in the JSON answer; "" is the whole answer

    [client.http.write]
    method = "PUT"
    path = "/kv/{key}"
    body = { value = "{input}" }

In paths {key}, {input}, {from} and {to} are filled in (and quoted); in bodies a string that is just one of them
becomes the JSON value. Statuses: `ok` the operation happened; `missing` (of a read) the key is absent; `mismatch` (of
a cas) the value was another; `refused` it certainly did not happen. Anything else is info.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from checker.errors import UsageError
from targets.node import Reply, Request

ANSWER_BYTES_MAX = 8 * 1024 * 1024


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one operation is asked over HTTP, and what its statuses mean."""

    method: str
    path: str
    body: Any = None
    output: str | None = None
    ok: tuple[int, ...] = (200, 201, 202, 204)
    missing: tuple[int, ...] = (404,)
    mismatch: tuple[int, ...] = (409, 412)
    refused: tuple[int, ...] = (400, 401, 403, 405, 413, 421, 422, 429)


def _values(request: Request) -> dict[str, Any]:
    values = {"key": request.key, "input": request.input}
    if request.f == "cas":
        values["from"], values["to"] = request.input
    return values


def fill(template: Any, values: dict[str, Any]) -> Any:
    """A body with its placeholders replaced by JSON values."""
    if isinstance(template, str):
        for name, value in values.items():
            if template == "{" + name + "}":
                return value
        for name, value in values.items():
            template = template.replace("{" + name + "}", str(value))
        return template
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill(value, values) for value in template]
    return template


def pick(answer: Any, path: str) -> Any:
    """The part of a JSON answer at a dotted path. Raises KeyError if it is not there."""
    for name in path.split(".") if path else ():
        if not isinstance(answer, dict):
            raise KeyError(name)
        answer = answer[name]
    return answer


class HttpClient:
    """A client of one node at a base URL; redirects (to a leader) are followed, as curl -L does."""

    def __init__(self, base_url: str, calls: dict[str, Call]) -> None:
        self._base_url = base_url.rstrip("/")
        self._calls = calls
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Nothing to open before the first call."""

    async def invoke(self, request: Request) -> Reply:
        call = self._calls.get(request.f)
        if call is None:
            raise UsageError(f"cluster.toml says nothing of [client.http.{request.f}], which the workload invokes")
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=None, follow_redirects=True, trust_env=False)
        values = _values(request)
        path = fill(call.path, {name: quote(str(value), safe="") for name, value in values.items()})
        body = None if call.body is None else msgspec.json.encode(fill(call.body, values))
        headers = {} if body is None else {"content-type": "application/json"}
        try:
            async with self._client.stream(
                call.method, self._base_url + str(path), content=body, headers=headers
            ) as answer:
                data = b""
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > ANSWER_BYTES_MAX:
                        return Reply(request.id, "info", None, f"answer of more than {ANSWER_BYTES_MAX} bytes")
        except httpx.ConnectError as error:
            return Reply(request.id, "fail", None, f"no connection: {error}")
        except httpx.HTTPError as error:
            return Reply(request.id, "info", None, f"{type(error).__name__}: {error}")
        return self._judge(call, request, answer.status_code, data)

    @staticmethod
    def _judge(call: Call, request: Request, status: int, data: bytes) -> Reply:
        if request.f == "read" and status in call.missing:
            return Reply(request.id, "ok", None)
        if request.f == "cas" and status in call.mismatch:
            return Reply(request.id, "ok", False)
        if status in call.ok:
            if call.output is None:
                return Reply(request.id, "ok", True if request.f == "cas" else None)
            try:
                return Reply(request.id, "ok", pick(msgspec.json.decode(data), call.output))
            except (msgspec.MsgspecError, KeyError, UnicodeDecodeError) as error:
                return Reply(request.id, "info", None, f"answer without {call.output!r}: {error}")
        text = data[:200].decode("utf-8", "replace")
        definite = status in call.refused or (status in call.missing and request.f != "delete")
        return Reply(request.id, "fail" if definite else "info", None, f"status {status}: {text}")

    async def close(self) -> None:
        """End the connection; the client may be used again."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
