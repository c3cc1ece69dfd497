"""The Redis protocol, parsed by hiredis (the parser of Redis' own clients), with bounds on every answer.

hiredis keeps what it is fed until an answer is whole, so the bound is on what it is fed; and it makes room for a list
as soon as one is announced, so the announcement of a huge list is refused before it gets there.
"""

from __future__ import annotations

import re
from typing import Any, Self

import hiredis

from checker.errors import TargetError
from targets.backends.wire import QuickStream

ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""Of all answers to one call."""

HUGE_LIST = re.compile(rb"[*%~>|]\d{5,}\r\n")
"""Announces a list of 10,000 answers or more. JSON text cannot hold it: it has no bare line ends."""

HEADER_BYTES_MAX = 32
_MORE = object()


class RespError(TargetError):
    """Not an answer of a Redis server, or greater than the bounds."""


class Refusal(Exception):  # noqa: N818  hiredis wants an exception; here it is an answer like others
    """An error that the server answered, such as `READONLY You can't write ...`. It is returned, not raised."""

    @property
    def code(self) -> str:
        """Its first word."""
        return str(self).partition(" ")[0]


class RespConnection:
    """A connection for one task at a time. After an exception, or a cancelled call, only `close` makes sense."""

    def __init__(self, stream: QuickStream) -> None:
        self._stream = stream
        self._reader = hiredis.Reader(protocolError=RespError, replyError=Refusal, notEnoughData=_MORE)
        self._last = b""
        """The end of what came, where the beginning of a list may be cut in two."""

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        """Raises OSError if the connection is not accepted."""
        return cls(await QuickStream.connect(host, port))

    async def call(self, *commands: tuple[bytes | str, ...]) -> list[Any]:
        """Send commands together and return their answers: bytes, int, None, Refusal, or lists of these.

        Raises RespError for an invalid answer, trio.BrokenResourceError if the connection ended.
        """
        # hiredis' own types say tuples of one word
        await self._stream.send_all(b"".join(map(hiredis.pack_command, commands)))  # type: ignore[arg-type]
        answers: list[Any] = []
        left = ANSWER_BYTES_MAX
        while len(answers) < len(commands):
            answer = self._reader.gets()
            if answer is _MORE:
                left -= await self._feed(left)
            else:
                answers.append(answer)
        return answers

    async def _feed(self, left: int) -> int:
        """Take in what has come; returns how many bytes."""
        data = await self._stream.receive_some(65536)
        if not data:
            raise RespError("the server closed the connection")
        if len(data) > left:
            raise RespError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
        seen = self._last + data
        if (found := HUGE_LIST.search(seen)) is not None:
            raise RespError(f"a list of {found[0][1:-2].decode()} answers")
        self._last = seen[-HEADER_BYTES_MAX:]
        self._reader.feed(data)
        return len(data)

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer, not even the end of the connection."""
        return self._stream.is_quiet()

    def close(self) -> None:
        """End the connection at once."""
        self._stream.close()
