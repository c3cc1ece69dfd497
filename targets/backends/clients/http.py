"""A store with an HTTP/JSON interface, described by paths and bodies in cluster.toml, so that it needs no client code.

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

import re
from typing import Any
from urllib.parse import quote

import msgspec

from checker.errors import UsageError
from targets.backends.clients.exchange import TEXT_SHOWN, Answer, HttpConnection, doubt
from targets.backends.wire import JUNK
from targets.protocol.node import Reply, Request

METHOD = re.compile(r"[A-Z]+")


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

    def __post_init__(self) -> None:
        if METHOD.fullmatch(self.method) is None:
            raise ValueError(f"method is {self.method!r}; write one such as GET, PUT, POST or DELETE")


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
    """A client of one node at a base URL."""

    def __init__(self, base_url: str, calls: dict[str, Call]) -> None:
        self._connection = HttpConnection(base_url)
        self._calls = calls

    async def open(self) -> None:
        """Nothing to open before the first call."""

    async def invoke(self, request: Request) -> Reply:
        call = self._calls.get(request.f)
        if call is None:
            raise UsageError(f"cluster.toml has no [client.http.{request.f}], which the workload invokes")
        values = _values(request)
        path = fill(call.path, {name: quote(str(value), safe="") for name, value in values.items()})
        body = None if call.body is None else msgspec.json.encode(fill(call.body, values))
        answer = await self._connection.exchange(request, call.method, str(path), body)
        return answer if isinstance(answer, Reply) else self._judge(call, request, answer)

    @staticmethod
    def _judge(call: Call, request: Request, answer: Answer) -> Reply:
        if request.f == "read" and answer.status in call.missing:
            return Reply(request.id, "ok", None)
        if request.f == "cas" and answer.status in call.mismatch:
            return Reply(request.id, "ok", False)
        if answer.status in call.ok and answer.elsewhere is None:
            if call.output is None:
                return Reply(request.id, "ok", True if request.f == "cas" else None)
            try:
                output = pick(msgspec.json.decode(answer.data), call.output)
            except (*JUNK, KeyError) as error:
                return doubt(request, f"answer without {call.output!r}: {error}")
            if request.f == "cas" and not isinstance(output, bool):
                return doubt(request, f"answer to a cas that is neither true nor false: {str(output)[:TEXT_SHOWN]}")
            return Reply(request.id, "ok", output)
        definite = answer.status in call.refused or (answer.status in call.missing and request.f != "delete")
        return Reply(request.id, "fail" if definite else "info", None, answer.text())

    async def close(self) -> None:
        """End the connection; the client may be used again."""
        await self._connection.close()
