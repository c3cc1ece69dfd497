"""One exchange over HTTP, bounded: an answer of a bounded size, or a Reply that says what arrived instead of one.

A connection that was never made is a certain failure; any error after that leaves the outcome unknown.
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
from targets.protocol.node import Reply, Request

ANSWER_BYTES_MAX = 8 * 1024 * 1024
TEXT_SHOWN = 200


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    data: bytes
    elsewhere: str | None = None
    """Where it sends us, if that is another host or port."""

    def text(self) -> str:
        """Its status and the beginning of its body, for an error."""
        if self.elsewhere is not None:
            advice = "redirects are followed to the same host and port only"
            return f"status {self.status}: redirects to {self.elsewhere}; {advice}"
        return f"status {self.status}: {self.data[:TEXT_SHOWN].decode('utf-8', 'replace').strip()}"


@cache
def _certificates() -> ssl.SSLContext:
    """Loaded once: they take 70 ms, and every client that was in doubt connects anew."""
    return httpx.create_ssl_context()


def _place(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def doubt(request: Request, error: str) -> Reply:
    """Whether the operation happened is unknown."""
    return Reply(request.id, "info", None, error)


REDIRECTS_MAX = 10


class HttpConnection:
    """Exchanges with one server. Redirects are followed to the same host and port only: anywhere else the answer would
    be another node's, or that of something outside the system."""

    def __init__(self, base_url: str) -> None:
        """Raises UsageError for an invalid URL."""
        self._base_url = base_url.rstrip("/")
        try:
            url = httpx.URL(self._base_url)
        except httpx.InvalidURL as error:
            raise UsageError(f"client {base_url!r} is not a valid URL: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise UsageError(f"client {base_url!r} is not a valid URL: write one such as http://127.0.0.1:8080")
        self._certificates = _certificates()  # now, not while a call is timed
        self._client: httpx.AsyncClient | None = None

    async def exchange(self, request: Request, method: str, path: str, content: bytes | None) -> Answer | Reply:
        """Send JSON, or nothing; without a time-out: the harness cancels it."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._certificates, timeout=None, follow_redirects=False, trust_env=False
            )
        # compressed gigabytes would be unpacked before they could be counted
        headers = {"accept-encoding": "identity"} | ({} if content is None else {"content-type": "application/json"})
        sent = first = self._client.build_request(method, self._base_url + path, content=content, headers=headers)
        try:
            for _ in range(REDIRECTS_MAX):
                answer, data = await self._send(self._client, sent)
                following = answer.next_request
                if following is None or len(data) > ANSWER_BYTES_MAX:
                    break
                if _place(following.url) != _place(first.url):
                    return Answer(answer.status_code, data, elsewhere=str(following.url)[:TEXT_SHOWN])
                if following.method != sent.method:
                    # the answer to another question: 200 to this GET says nothing about the PUT that was redirected
                    text = f"status {answer.status_code}: turns {sent.method} into {following.method}"
                    return doubt(request, text)
                sent = following
            else:
                return doubt(request, f"more than {REDIRECTS_MAX} redirects")
        except httpx.ConnectError as error:
            # a server that redirects may have carried out the request before (303 means that)
            status: Status = "fail" if sent is first else "info"
            return Reply(request.id, status, None, f"no connection to {sent.url.netloc.decode()}: {error}")
        except httpx.HTTPError as error:
            return doubt(request, f"{type(error).__name__}: {error}")
        if len(data) > ANSWER_BYTES_MAX:
            return doubt(request, f"answer of more than {ANSWER_BYTES_MAX} bytes")
        return Answer(answer.status_code, data)

    @staticmethod
    async def _send(client: httpx.AsyncClient, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """The answer and its data, of which no more is taken than a little beyond ANSWER_BYTES_MAX."""
        data = bytearray()
        answer = await client.send(request, stream=True)
        async with aclosing(answer):
            with trio.CancelScope() as enough:
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > ANSWER_BYTES_MAX:
                        enough.cancel()  # not break, which would leave the library's generators half-way
        return answer, bytes(data)

    async def close(self) -> None:
        """End the connection; it may be used again."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
