"""One proxy per link: node a reaches node b only through a port of the harness, which may lose, delay or double lines.

Every link is one-way (a node sends on the connections that it opened and answers on its own), so one-way cuts are cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import msgspec
import trio

from targets.backends.processes.guests import Guests
from targets.backends.processes.links import UNTIL_RELEASED, Links, kind_of
from targets.backends.wire import JUNK, Envelope, FloodError, Lines
from targets.protocol.fault import Link

QUEUE_MAX = 100_000

CONNECTIONS_MAX = 16
"""A link has one sender, with one connection at a time; the port is open to all of this machine."""


_envelope = msgspec.json.Decoder(Envelope)


class LinkProxy:
    """Listens for the sender of one link and forwards its lines to the receiver, as `links` decides."""

    def __init__(
        self,
        link: Link,
        to_port: int,
        links: Links,
        remark: Callable[[str], None],
        note: Callable[[bytes, Sequence[float]], None],
    ) -> None:
        """`note` is called with each message, and when it will be delivered (`Links.plan`)."""
        self.link = link
        self._to_port = to_port
        self._links = links
        self._remark = remark
        self._note = note
        self._guests = Guests(CONNECTIONS_MAX)
        self.port = 0

    async def open(self) -> list[trio.SocketListener]:
        """Take a port on loopback; then `port` is known."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        return listeners

    async def serve(self, stream: trio.SocketStream) -> None:
        """Carry one connection of the sender until either side ends it."""
        async with stream:
            try:
                out = await trio.open_tcp_stream("127.0.0.1", self._to_port)
            except OSError:
                return  # the receiver is down: the sender sees its connection end
            async with out, trio.open_nursery() as nursery:
                scope = nursery.cancel_scope
                send, receive = trio.open_memory_channel[bytes](QUEUE_MAX)
                nursery.start_soon(self._forward, out, receive)
                nursery.start_soon(self._notice_end, out, scope)
                with self._guests.seat(scope):
                    try:
                        async for text in Lines(stream):
                            self._guests.active(scope)
                            delays_ms = self._plan(text)
                            for delay_ms in delays_ms:
                                if delay_ms == 0.0:
                                    send.send_nowait(text)
                                elif delay_ms == UNTIL_RELEASED:
                                    self._links.hold(partial(self._put, send, text))
                                else:
                                    nursery.start_soon(self._later, delay_ms, send, text)
                    except trio.WouldBlock:
                        sender, receiver = self.link
                        self._remark(f"{receiver} did not read: {QUEUE_MAX:,} messages of {sender} were lost")
                    except (trio.BrokenResourceError, trio.ClosedResourceError, FloodError):
                        pass
                scope.cancel()

    def _plan(self, text: bytes) -> tuple[float, ...]:
        try:
            kind = kind_of(_envelope.decode(text).body)
        except JUNK:
            return self._links.plan(self.link)  # the receiver will refuse it, and it is no message to be kept
        delays_ms = self._links.plan(self.link, kind)
        self._note(text, delays_ms)
        return delays_ms

    @staticmethod
    async def _forward(out: trio.SocketStream, receive: trio.MemoryReceiveChannel[bytes]) -> None:
        async for text in receive:
            try:
                await out.send_all(text + b"\n")
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return

    @staticmethod
    async def _notice_end(out: trio.SocketStream, scope: trio.CancelScope) -> None:
        """A receiver that was killed must not leave its senders with a connection that has no other end."""
        try:
            while await out.receive_some(4096):
                pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    @staticmethod
    async def _later(delay_ms: float, send: trio.MemorySendChannel[bytes], text: bytes) -> None:
        await trio.sleep(delay_ms / 1000)
        LinkProxy._put(send, text)

    @staticmethod
    def _put(send: trio.MemorySendChannel[bytes], text: bytes) -> None:
        """Without the connection, or where the receiver does not read, it is lost."""
        with suppress(trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            send.send_nowait(text)
