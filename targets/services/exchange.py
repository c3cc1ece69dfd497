"""One exchange over HTTP, bounded: an answer of a bounded size, or the Reply that says what came instead of one.

A connection that was never made is a certain failure; whatever goes wrong after that leaves the outcome unknown.
"""

from __future__ import annotations

import ssl
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache

import httpx
import trio

from checker.errors import UsageError
from checker.history import Status
from targets.node import Reply, Request

ANSWER_BYTES_MAX = 8 * 1024 * 1024
TEXT_SHOWN = 200


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    data: bytes

    def text(self) -> str:
        """Its status and the beginning of what it says, for a message."""
        return f"status {self.status}: {self.data[:TEXT_SHOWN].decode('utf-8', 'replace').strip()}"


@cache
def _certificates() -> ssl.SSLContext:
    """Loaded once: they take 70 ms, and every client that was in doubt connects anew."""
    return httpx.create_ssl_context()


def doubt(request: Request, error: str) -> Reply:
    """Nobody knows whether the operation happened."""
    return Reply(request.id, "info", None, error)


class HttpConnection:
    """Exchanges with one server; redirects (to a leader) are followed, as curl -L does."""

    def __init__(self, base_url: str) -> None:
        """Raises UsageError for what is no URL."""
        self._base_url = base_url.rstrip("/")
        try:
            url = httpx.URL(self._base_url)
        except httpx.InvalidURL as error:
            raise UsageError(f"client {base_url!r} is no URL: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise UsageError(f"client {base_url!r} is no URL: write one such as http://127.0.0.1:8080")
        self._certificates = _certificates()  # now, not while a call is timed
        self._client: httpx.AsyncClient | None = None

    async def exchange(self, request: Request, method: str, path: str, content: bytes | None) -> Answer | Reply:
        """Send JSON, or nothing; no time-out of its own: the driver cancels it."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._certificates, timeout=None, follow_redirects=True, trust_env=False
            )
        # compressed gigabytes would be unpacked before anybody counts them
        headers = {"accept-encoding": "identity"} | ({} if content is None else {"content-type": "application/json"})
        first = self._client.build_request(method, self._base_url + path, content=content, headers=headers)
        data = bytearray()
        try:
            answer = await self._client.send(first, stream=True)
            async with aclosing(answer):
                with trio.CancelScope() as enough:
                    async for piece in answer.aiter_bytes():
                        data += piece
                        if len(data) > ANSWER_BYTES_MAX:
                            enough.cancel()  # not break, which would leave the library's generators half-way
        except httpx.ConnectError as error:
            # a server that has redirected us may have done before what was asked (303 says so)
            status: Status = "fail" if error.request is first else "info"
            return Reply(request.id, status, None, f"no connection to {error.request.url.netloc.decode()}: {error}")
        except httpx.HTTPError as error:
            return doubt(request, f"{type(error).__name__}: {error}")
        if len(data) > ANSWER_BYTES_MAX:
            return doubt(request, f"answer of more than {ANSWER_BYTES_MAX} bytes")
        return Answer(answer.status_code, bytes(data))

    async def close(self) -> None:
        """End the connection; it may be used again."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
