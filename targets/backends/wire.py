"""The lines that processes exchange: one JSON object per line, `{"src", "dest", "body"}`, body tagged by its type.

The same envelope as Maelstrom's, so one reader serves both. A line longer than LINE_BYTES_MAX ends the connection:
a peer that floods must not take our memory.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import Any, Protocol, Self

import msgspec
import trio

from checker.errors import TargetError

LINE_BYTES_MAX = 8 * 1024 * 1024

JUNK = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for invalid messages; the last one for a thousand nested brackets."""


class FloodError(TargetError):
    """The peer sent more than LINE_BYTES_MAX bytes without a line's end."""


class Envelope(msgspec.Struct, frozen=True):
    """A message on its way; `body` is decoded by who knows the message classes."""

    src: str
    dest: str
    body: msgspec.Raw


class Source(Protocol):
    """Anything bytes come from: a trio stream."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray: ...


class QuickStream:
    """A TCP connection for one task at a time, with one trip through trio's scheduler per answer.

    trio.SocketStream pays for locks, checkpoints and checks of conflicts four times per call, which at thousands of
    operations a second is more than the rest of a client. Here a send goes out at once unless the buffer is full.
    """

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        """Raises OSError if the connection is not accepted."""
        try:
            family, kind, _, _, place = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )[0]
        except socket.gaierror:  # a name, which may have several addresses
            connected = (await trio.open_tcp_stream(host, port)).socket
        else:
            connected = trio.socket.socket(family, kind)
            try:
                await connected.connect(place)
            except BaseException:
                connected.close()
                raise
        raw = socket.socket(fileno=connected.detach())
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(raw)

    async def send_all(self, data: bytes) -> None:
        """Raises BrokenResourceError if the connection is gone."""
        sent = 0
        while sent < len(data):
            try:
                sent += self._raw.send(memoryview(data)[sent:] if sent else data)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._raw)
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has come, at least a byte; b"" at the end. Raises BrokenResourceError as send_all does."""
        while True:
            await trio.lowlevel.wait_readable(self._raw)
            try:
                return self._raw.recv(max_bytes or 65536)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error

    def is_quiet(self) -> bool:
        """Whether nothing has come, not even the end of the connection. What comes before a request is sent is no
        answer to it."""
        return nothing_came(self._raw)

    def close(self) -> None:
        """End the connection at once."""
        if self._raw.fileno() != -1:
            trio.lowlevel.notify_closing(self._raw)
            self._raw.close()


def nothing_came(connection: socket.socket) -> bool:
    """Whether a connection that does not block has nothing to read: no bytes, no end, no error."""
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


class Lines:
    """The lines of a stream, without their ends, by `async for`; an unfinished last line is dropped.

    Raises FloodError. A class, not an async generator: a reader may stop in the middle without having to close it.
    """

    def __init__(self, stream: Source, limit: int = LINE_BYTES_MAX) -> None:
        self._stream = stream
        self._limit = limit
        self._complete: deque[bytes] = deque()
        self._rest = bytearray()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._complete:
            data = await self._stream.receive_some(65536)
            if not data:
                raise StopAsyncIteration
            if not self._rest and data.endswith(b"\n"):  # whole lines, as nearly always
                self._complete.extend(bytes(data[:-1]).split(b"\n"))
                break
            self._rest += data
            if b"\n" in data:
                *complete, rest = self._rest.split(b"\n")
                self._rest = bytearray(rest)
                self._complete.extend(bytes(line) for line in complete)
            if len(self._rest) > self._limit:
                raise FloodError(f"more than {self._limit} bytes without a line's end")
        line = self._complete.popleft()
        if len(line) > self._limit:
            raise FloodError(f"a line of more than {self._limit} bytes")
        return line


class _Line(msgspec.Struct, omit_defaults=True):
    src: str
    dest: str
    body: Any
    cause: str | None = None


_encode = msgspec.json.Encoder().encode


def line(src: str, dest: str, body: Any, cause: str | None = None) -> bytes:
    """One envelope as a line. `cause`: the id of the request that the sender is handling, for reports."""
    return _encode(_Line(src, dest, body, cause)) + b"\n"
