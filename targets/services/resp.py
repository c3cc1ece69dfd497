"""The Redis protocol (RESP 2), as much of it as a client of a key-value store needs, with bounds on every answer.

A library that trusts its server reads a string of a gigabyte into memory because the server announced one.
"""

from __future__ import annotations

from typing import Any, Self

from checker.errors import TargetError
from targets.live.wire import QuickStream

ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""Of one answer, with all that is in it."""

ITEMS_MAX = 1_000
DEPTH_MAX = 8
LINE_BYTES_MAX = 64 * 1024
SHOWN = 80


class RespError(TargetError):
    """What came is no answer of a Redis server, or greater than the bounds."""


class Refusal(str):
    """An error that the server answered, such as `READONLY You can't write ...`: a value, not an exception."""

    @property
    def code(self) -> str:
        """Its first word."""
        return self.partition(" ")[0]


class RespConnection:
    """A connection for one task at a time. After an exception, or a cancelled call, only `close` makes sense."""

    def __init__(self, stream: QuickStream) -> None:
        self._stream = stream
        self._unread = bytearray()
        self._left = 0

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        """Raises OSError if nobody accepts."""
        return cls(await QuickStream.connect(host, port))

    async def call(self, *commands: tuple[bytes | str, ...]) -> list[Any]:
        """Send commands together and return their answers: bytes, int, None, Refusal, or lists of these.

        Raises RespError for what is no answer, trio.BrokenResourceError if the connection ended.
        """
        await self._stream.send_all(b"".join(map(encoded, commands)))
        answers = []
        for _ in commands:
            self._left = ANSWER_BYTES_MAX
            answers.append(await self._answer(0))
        return answers

    async def _answer(self, depth: int) -> Any:
        line = await self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return Refusal(rest.decode("utf-8", "replace"))
        if kind not in (b":", b"$", b"*"):
            raise RespError(f"no Redis server answers {line[:SHOWN]!r}")
        try:
            number = int(rest)
        except ValueError:
            raise RespError(f"no Redis server answers {line[:SHOWN]!r}") from None
        if kind == b":":
            return number
        if number == -1:
            return None
        if kind == b"$":
            text = await self._exactly(number + 2)
            if text[-2:] != b"\r\n":
                raise RespError("a string without its end")
            return text[:-2]
        if not 0 <= number <= ITEMS_MAX or depth == DEPTH_MAX:
            raise RespError(f"a list of {number} answers, {depth + 1} deep")
        return [await self._answer(depth + 1) for _ in range(number)]

    async def _line(self) -> bytes:
        while (end := self._unread.find(b"\r\n")) < 0:
            if len(self._unread) > LINE_BYTES_MAX:
                raise RespError(f"no Redis server answers {bytes(self._unread[:SHOWN])!r} without a line's end")
            await self._more()
        return (await self._exactly(end + 2))[:-2]

    async def _exactly(self, size: int) -> bytes:
        if not 0 <= size <= self._left:
            raise RespError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
        self._left -= size
        while len(self._unread) < size:
            await self._more()
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    async def _more(self) -> None:
        data = await self._stream.receive_some(65536)
        if not data:
            raise RespError("the server closed the connection")
        self._unread += data

    def close(self) -> None:
        """End the connection at once."""
        self._stream.close()


def encoded(command: tuple[bytes | str, ...]) -> bytes:
    """A command as the list of strings that the protocol wants."""
    words = [word.encode() if isinstance(word, str) else word for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
