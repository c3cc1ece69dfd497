"""A TCP proxy for one link between two nodes on this machine: one node reaches the other through a port of the harness.

What the source of the link sends travels on the link, what comes back on the link in the other direction, so that
one-way faults are possible. `Links` decides the fate of each chunk of data, as it is read from the connection; for most
protocols of requests and answers a chunk is a message. The order within a connection is kept, as TCP does, so only data
of different connections can overtake. Data that was lost cannot be followed by more: the connection delivers nothing
more in that direction, and is reset when the links are healed, as one whose time-out has passed.
"""

from __future__ import annotations

import re
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field

import trio

from targets.backends.processes.guests import Guests
from targets.backends.processes.links import UNTIL_RELEASED, Links
from targets.protocol.fault import Link

CHUNK_BYTES_MAX = 64 * 1024
CHUNKS_MAX = 256
"""So many chunks may be under way in one direction; then the sender is not read from, as with a full TCP window."""

ENDINGS = (trio.BrokenResourceError, trio.ClosedResourceError)

_REQUEST = re.compile(rb"([A-Z]{3,7}) (/\S*) HTTP/1")
_TYPE = re.compile(rb'"(?:type|op)": ?"([\w.-]{1,40})"')
_NAME = re.compile(r"[A-Za-z_.-]+")
KIND_BYTES_MAX = 512
"""How far into a chunk its kind is looked for."""


def kind_of(data: bytes, asked: str = "") -> str:
    """The kind of message that a chunk of data begins with; "" if that is not known.

    An HTTP request is known by its method and the words of its path, without keys and numbers (`PUT /internal/put`), an
    HTTP response by the request that was `asked` last on its connection, JSON by its field `type` or `op`.
    """
    if (request := _REQUEST.match(data)) is not None:
        words = request[2].split(b"?")[0].decode("ascii", "replace").split("/")
        return f"{request[1].decode()} /{'/'.join(word for word in words if _NAME.fullmatch(word))}"
    if data.startswith(b"HTTP/1"):
        return f"answer to {asked}"
    typed = _TYPE.search(data, 0, KIND_BYTES_MAX)
    return "" if typed is None else typed[1].decode()


@dataclass(eq=False)
class Connection:
    """A connection over a link. `scope` bounds the task that carries it."""

    link: Link
    scope: trio.CancelScope
    lost: bool = False
    """Some of its data was lost, so it has no future."""
    streams: list[trio.SocketStream] = field(default_factory=list)
    asked: str = ""
    """The kind of the last message from the source of its link."""

    def reset(self) -> None:
        """End it at both ends; what is under way is lost. Both nodes see a connection reset."""
        for stream in self.streams:
            with suppress(OSError):  # it has ended meanwhile
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.scope.cancel()


@dataclass(frozen=True)
class _Chunk:
    """Data on its way (b"": the sender's end): not before `due_s`, on trio's clock, nor before `released`."""

    data: bytes
    due_s: float = 0.0
    released: trio.Event | None = None

    @property
    def late(self) -> bool:
        """Whether it has to wait."""
        return self.released is not None or self.due_s > 0

    async def due(self) -> None:
        """Wait until it is to be delivered."""
        if self.released is not None:
            await self.released.wait()
        await trio.sleep_until(self.due_s)


class StreamProxy:
    """Carries every connection that the source of `link` opens to its `port` on loopback to the address `to`."""

    def __init__(self, link: Link, to: tuple[str, int], links: Links, connections_max: int) -> None:
        self.link = link
        self._to = to
        self._links = links
        self._guests = Guests(connections_max)
        self.connections: set[Connection] = set()
        self.port = 0

    async def open(self) -> list[trio.SocketListener]:
        """Take a port on loopback; then `port` is known."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        return listeners

    async def serve(self, near: trio.SocketStream) -> None:
        """Carry one connection of the source until both ends have ended it, or it is reset."""
        with trio.CancelScope() as scope:
            one = Connection(self.link, scope, streams=[near])
            self.connections.add(one)
            try:
                with self._guests.seat(scope):
                    await self._carry(one, near)
            finally:
                self.connections.discard(one)
                for stream in one.streams:
                    stream.socket.close()  # at once: a cancelled task may not wait for the second

    async def _carry(self, one: Connection, near: trio.SocketStream) -> None:
        attempt = self._chunk(one, self.link, b"")
        if attempt is None:
            await self._silence(one, near)
            return
        await attempt.due()
        try:
            far = await trio.open_tcp_stream(*self._to)
        except OSError:
            one.reset()  # the node is down, and refuses
            return
        one.streams.append(far)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_on, one, near, far, self.link)
            nursery.start_soon(self._pass_on, one, far, near, self.link[::-1])

    def _chunk(self, one: Connection, link: Link, data: bytes) -> _Chunk | None:
        """When data is to be delivered; None if it is lost."""
        kind = kind_of(data, one.asked)
        if kind and link == self.link:
            one.asked = kind
        delays_ms = self._links.plan(link, kind, len(data))
        if not delays_ms:
            return None
        if not delays_ms[0]:
            return _Chunk(data)
        if delays_ms[0] != UNTIL_RELEASED:
            return _Chunk(data, trio.current_time() + delays_ms[0] / 1000)
        released = trio.Event()
        self._links.hold(released.set)
        return _Chunk(data, released=released)

    async def _pass_on(self, one: Connection, source: trio.SocketStream, dest: trio.SocketStream, link: Link) -> None:
        """Carry one direction. What is not late is written at once; after late data all waits in a queue."""
        queue: trio.MemorySendChannel[_Chunk] | None = None
        async with trio.open_nursery() as nursery:
            while True:
                try:
                    data = await source.receive_some(CHUNK_BYTES_MAX)
                except ENDINGS:
                    await self._end(one, source, link)
                    return
                self._guests.active(one.scope)
                chunk = self._chunk(one, link, data)
                if chunk is None:
                    await self._silence(one, source)
                    return
                if queue is not None:
                    await queue.send(chunk)
                elif chunk.late:
                    queue, waiting = trio.open_memory_channel[_Chunk](CHUNKS_MAX)
                    nursery.start_soon(self._write, one, dest, waiting, link)
                    await queue.send(chunk)
                elif not await self._deliver(one, dest, chunk, link):
                    return
                if not data:
                    if queue is not None:
                        queue.close()
                    return

    async def _write(
        self, one: Connection, dest: trio.SocketStream, waiting: trio.MemoryReceiveChannel[_Chunk], link: Link
    ) -> None:
        async for chunk in waiting:
            await chunk.due()
            if not await self._deliver(one, dest, chunk, link):
                return

    async def _deliver(self, one: Connection, dest: trio.SocketStream, chunk: _Chunk, link: Link) -> bool:
        """Whether the receiver still takes data."""
        try:
            if chunk.data:
                await dest.send_all(chunk.data)
            else:
                await dest.send_eof()
        except ENDINGS:
            await self._end(one, dest, link[::-1])
            return False
        return True

    async def _end(self, one: Connection, ended: trio.SocketStream, link: Link) -> None:
        """A node has reset the connection: the other one learns it, unless that is lost too."""
        if self._links.plan(link):
            one.reset()
        else:
            await self._silence(one, ended)

    @staticmethod
    async def _silence(one: Connection, source: trio.SocketStream) -> None:
        """Data was lost: discard what follows it, so that the sender sees no more than silence, until the healing."""
        one.lost = True
        with suppress(*ENDINGS):
            while await source.receive_some(CHUNK_BYTES_MAX):
                pass
        await trio.sleep_forever()
