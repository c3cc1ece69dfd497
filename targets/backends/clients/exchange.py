"""One exchange over HTTP, bounded: an answer of a bounded size, or a Reply that says what arrived instead of one.

A connection that was never made is a certain failure; any error after that leaves the outcome unknown.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

import trio

from checker.errors import UsageError
from checker.history import Status
from targets.backends.clients.http1 import HttpError, Response, Stream, TlsStream, exchange
from targets.backends.wire import QuickStream
from targets.protocol.node import Reply, Request

TEXT_SHOWN = 200
REDIRECTS_MAX = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"http": 80, "https": 443}

PLAIN = re.compile(r"[\w!$%&'()*+,./:;=?@\[\]~-]*", re.ASCII)
"""What goes into a request as it is; anything else in a URL is quoted."""

NOTHING = dict.fromkeys(("POST", "PUT", "PATCH"), "content-length: 0\r\n\r\n")
"""The end of the head of a request without content (RFC 9110, section 8.6); of other methods nothing more is sent."""

Place = tuple[str, str, int | None]
"""Scheme, host and port of a URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    data: bytes | bytearray
    elsewhere: str | None = None
    """Where it sends us, if that is another host or port."""

    def text(self) -> str:
        """Its status and the beginning of its body, for an error."""
        if self.elsewhere is not None:
            advice = "redirects are followed to the same host and port only"
            return f"status {self.status}: redirects to {self.elsewhere}; {advice}"
        return f"status {self.status}: {self.data[:TEXT_SHOWN].decode('utf-8', 'replace').strip()}"


def doubt(request: Request, error: str) -> Reply:
    """Whether the operation happened is unknown."""
    return Reply(request.id, "info", None, error)


def _place(url: str) -> Place:
    """Raises ValueError for an invalid URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or PORTS.get(parts.scheme)


def _redirected(status: int, method: str) -> str:
    """The method after a redirect (RFC 9110, section 15.4)."""
    if (
        (status == 303 and method != "HEAD")
        or (status == 302 and method != "HEAD")
        or (status, method) == (301, "POST")
    ):
        return "GET"
    return method


class HttpConnection:
    """Exchanges with one server, over one connection that is kept. Redirects are followed to the same host and port
    only: anywhere else the answer would be another node's, or that of something outside the system."""

    def __init__(self, base_url: str) -> None:
        """Raises UsageError for an invalid URL."""
        self._base_url = base_url.rstrip("/")
        try:
            self._place = scheme, self._host, port = _place(self._base_url)
            self._host.encode("idna")
        except ValueError as error:
            raise UsageError(f"client {base_url!r} is not a valid URL: {error}") from error
        if scheme not in PORTS or not self._host or port is None or not PLAIN.fullmatch(self._base_url):
            raise UsageError(f"client {base_url!r} is not a valid URL: write one such as http://127.0.0.1:8080")
        self._port = port
        parts = urlsplit(self._base_url)
        self._origin, self._prefix = f"{scheme}://{parts.netloc}", parts.path
        # compressed gigabytes would be unpacked before they could be counted
        self._headers = f" HTTP/1.1\r\nhost: {parts.netloc.rpartition('@')[2]}\r\naccept-encoding: identity\r\n"
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers += f"authorization: Basic {b64encode(login.encode()).decode()}\r\n"
        self._stream: Stream | None = None

    async def exchange(self, request: Request, method: str, path: str, content: bytes | None) -> Answer | Reply:
        """Send JSON, or nothing; without a time-out: the harness cancels it."""
        target = self._prefix + path
        for hop in range(REDIRECTS_MAX):
            try:
                stream = await self._take()
            except (OSError, trio.BrokenResourceError) as error:
                # a server that redirects may have carried out the request before (303 means that)
                status: Status = "info" if hop else "fail"
                return Reply(request.id, status, None, f"no connection to {self._host}:{self._port}: {error}")
            try:
                response = await self._ask(stream, method, target, content)
            except (HttpError, trio.BrokenResourceError) as error:
                return doubt(request, f"no answer: {error}")
            if response.status not in REDIRECTS or response.location is None:
                return Answer(response.status, response.body)
            try:
                url = urljoin(self._origin + target, response.location)
                place = _place(url)
            except ValueError as error:
                return doubt(request, f"status {response.status}: redirects to an invalid URL: {error}")
            if place != self._place:
                return Answer(response.status, response.body, elsewhere=url[:TEXT_SHOWN])
            if (following := _redirected(response.status, method)) != method:
                # the answer to another question: 200 to this GET says nothing about the PUT that was redirected
                return doubt(request, f"status {response.status}: turns {method} into {following}")
            parts = urlsplit(url)
            target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        return doubt(request, f"more than {REDIRECTS_MAX} redirects")

    async def _take(self) -> Stream:
        """The connection, made anew where there is none or the server has ended it. Raises OSError if it is refused."""
        stream, self._stream = self._stream, None
        if stream is not None:
            if stream.is_quiet():
                return stream
            stream.close()
        make = TlsStream if self._place[0] == "https" else QuickStream
        return await make.connect(self._host, self._port)

    async def _ask(self, stream: Stream, method: str, target: str, content: bytes | None) -> Response:
        """Send a request and keep the connection if it can be used again. Raises as `exchange` of http1 does."""
        plain = target if PLAIN.fullmatch(target) else quote(target.partition("#")[0], safe="!$%&'()*+,/:;=?@[]~")
        if content is None:
            rest = NOTHING.get(method, "\r\n")
        else:
            rest = f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        head = f"{method} {plain or '/'}{self._headers}{rest}".encode()
        response: Response | None = None
        try:
            response = await exchange(stream, head + content if content else head, is_head=method == "HEAD")
        finally:
            if response is not None and response.reusable:
                self._stream = stream
            else:
                stream.close()
        return response

    async def close(self) -> None:
        """End the connection; it may be used again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
