"""HTTP/1.1 over one connection at a time, parsed by httptools (llhttp, the parser of Node.js), with a bound on every
answer.

A general HTTP library costs fifteen times what the exchange itself does, and would be what limits a run. Needed here is
little: one request, one answer, the connection kept for the next. Two rules make the outcome of an operation certain.
A connection is used again only after a whole answer, and only if nothing has come on it since: one that the server has
ended meanwhile is replaced before anything is sent. An answer is whole only if its end was seen.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol, Self

import httptools
import trio

from checker.errors import TargetError
from targets.backends.wire import nothing_came

ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""Of one answer, its head included."""

SWITCHING_PROTOCOLS = 101
OK = 200


class HttpError(TargetError):
    """No whole answer of HTTP/1.x, or one greater than the bound."""


class Stream(Protocol):
    """A connection as QuickStream is one."""

    async def send_all(self, data: bytes, /) -> None: ...
    async def receive_some(self, max_bytes: int | None = None, /) -> bytes | bytearray: ...
    def is_quiet(self) -> bool: ...
    def close(self) -> None: ...


@cache
def _certificates() -> ssl.SSLContext:
    """Loaded once: that takes long, and each client connects anew after an unknown outcome."""
    return ssl.create_default_context()


class TlsStream:
    """A connection over TLS."""

    def __init__(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        self._stream = stream
        self.send_all = stream.send_all
        self.receive_some = stream.receive_some

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        """Raises OSError if the connection is not accepted, or the server's certificate is not."""
        stream = await trio.open_ssl_over_tcp_stream(host, port, https_compatible=True, ssl_context=_certificates())
        try:
            await stream.do_handshake()
        except BaseException as error:
            stream.transport_stream.socket.close()
            if isinstance(error, trio.BrokenResourceError):
                raise OSError(f"no TLS connection: {error.__cause__ or error}") from error
            raise
        return cls(stream)

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer. What TLS itself sends between answers counts as something,
        and costs a new connection."""
        used = self._stream.transport_stream.socket
        with socket.fromfd(used.fileno(), used.family, used.type) as connection:
            connection.setblocking(False)
            return nothing_came(connection)

    def close(self) -> None:
        """End the connection at once."""
        self._stream.transport_stream.socket.close()


@dataclass(slots=True)
class Response:
    """An answer while it arrives: httptools calls its methods."""

    request_is_head: bool = False
    status: int = 0
    location: str | None = None
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False
    ends_with_connection: bool = True
    """Whether nothing but the end of the connection shows where its body ends."""
    reusable: bool = False
    """Whether the connection may be used again, as far as the answer says."""
    parser: httptools.HttpResponseParser | None = None

    def on_message_begin(self) -> None:
        self.reusable = self.reusable and not self.whole  # what follows an answer belongs to no request

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.whole:
            return
        match name.lower():
            case b"content-length" | b"transfer-encoding":
                self.ends_with_connection = False
            case b"location":
                self.location = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self.whole:
            return
        assert self.parser is not None
        self.status = self.parser.get_status_code()
        if self.request_is_head and self.status >= OK:
            self.whole = True  # the parser would wait for the body that the head announces

    def on_body(self, data: bytes) -> None:
        if not self.whole:
            self.body += data

    def on_message_complete(self) -> None:
        if self.whole:
            return
        if self.status >= OK or self.status == SWITCHING_PROTOCOLS:
            self.whole = True
            assert self.parser is not None
            self.reusable = self.parser.should_keep_alive()
        else:  # 100 Continue and the like: the answer comes after it
            self.ends_with_connection, self.location = True, None


async def exchange(stream: Stream, request: bytes, *, is_head: bool = False) -> Response:
    """Send a request and return its answer.

    Raises HttpError, and trio.BrokenResourceError if the connection broke. The stream is closed by the caller then, and
    also if the call is cancelled.
    """
    response = Response(is_head)
    parser = response.parser = httptools.HttpResponseParser(response)
    try:
        await stream.send_all(request)
        await _receive(stream, response, parser)
    finally:
        response.parser = None  # no cycle, which only the collector would free
    return response


async def _receive(stream: Stream, response: Response, parser: httptools.HttpResponseParser) -> None:
    left = ANSWER_BYTES_MAX
    while not response.whole:
        data = await stream.receive_some(65536)
        if not data:
            if response.status >= OK and response.ends_with_connection:
                return
            where = "within its answer" if left < ANSWER_BYTES_MAX else "without an answer"
            raise HttpError(f"the server ended the connection {where}")
        left -= len(data)
        if left < 0:
            raise HttpError(f"answer of more than {ANSWER_BYTES_MAX} bytes")
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            response.reusable = False
        except httptools.HttpParserError as error:
            if not response.whole:
                raise HttpError(f"an answer that is not HTTP/1: {error}") from error
            response.reusable = False  # what came after the answer
