"""A client of a node that serves TCP."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import trio

from targets.backends.wire import JUNK, FloodError, Lines, QuickStream, line
from targets.protocol.node import NodeId, Reply, Request


class Answer(msgspec.Struct, frozen=True):
    """An envelope with a Reply, decoded at once."""

    body: Reply


ANSWERS = msgspec.json.Decoder(Answer)


class TcpClient:
    """Sends requests to one node, one at a time, and waits for the reply with the request's id."""

    def __init__(self, node: NodeId, port: int, note: Callable[[bytes], None]) -> None:
        """`note` is called with each request that is sent and each answer, as JSON text."""
        self._node = node
        self._note = note
        self._port = port
        self._stream: QuickStream | None = None

    async def open(self) -> None:
        """Connect on the first invocation: a node that is down must not stop a client from being made."""

    async def invoke(self, request: Request) -> Reply:
        """The node's answer; fail if nothing could be sent, info if the connection broke after that."""
        if self._stream is None:
            try:
                self._stream = await QuickStream.connect("127.0.0.1", self._port)
            except OSError:
                return Reply(request.id, "fail", None, f"{self._node} refused the connection")
            self._lines = Lines(self._stream)
        try:
            text = line(request.client, self._node, request)
            self._note(text[:-1])
            await self._stream.send_all(text)
            async for text in self._lines:
                reply = ANSWERS.decode(text).body
                self._note(text)
                if reply.id == request.id:  # an answer to an earlier request that timed out is passed over
                    return reply
            error = f"{self._node} closed the connection"
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            error = f"{self._node} reset the connection"
        except (FloodError, *JUNK) as junk:
            error = f"{self._node} answered junk: {junk}"
        await self.close()
        return Reply(request.id, "info", None, error)

    async def close(self) -> None:
        """End the connection; it may be used again, and connects anew."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
