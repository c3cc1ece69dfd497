"""The lines that processes exchange: one JSON object per line, `{"src", "dest", "body"}`, body tagged by its type.

The same envelope as Maelstrom's, so one reader serves both. A line longer than LINE_BYTES_MAX ends the connection:
a peer that floods must not take our memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec

from checker.errors import TargetError

LINE_BYTES_MAX = 8 * 1024 * 1024


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


async def lines(stream: Source, limit: int = LINE_BYTES_MAX) -> AsyncIterator[bytes]:
    """The lines of a stream, without their ends; an unfinished last line is dropped. Raises FloodError."""
    buffer = bytearray()
    while True:
        data = await stream.receive_some(65536)
        if not data:
            return
        buffer += data
        if b"\n" in data:
            *complete, rest = buffer.split(b"\n")
            buffer = bytearray(rest)
            for line in complete:
                if len(line) > limit:
                    raise FloodError
                yield bytes(line)
        if len(buffer) > limit:
            raise FloodError


def line(src: str, dest: str, body: Any) -> bytes:
    """One envelope as a line."""
    return b'{"src":%b,"dest":%b,"body":%b}\n' % (
        msgspec.json.encode(src),
        msgspec.json.encode(dest),
        msgspec.json.encode(body),
    )
