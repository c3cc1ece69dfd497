"""A node that serves TCP: `naysayer node TARGET --id n1 ...`. Lines as in wire.py; one outgoing connection per peer.

Clients and the harness connect to the same port. A line from `harness` is a control message: the harness asks for
the node's view, or sets its clock. Junk ends the connection it came on and is noted on stderr; the node lives on.
So it does with strangers who take all connections, or never read their answers.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import trio

from targets.backends.directory_disk import DirectoryDisk
from targets.backends.processes.guests import Guests
from targets.backends.processes.host import Host, JunkError, LiveContext
from targets.backends.wire import JUNK, Envelope, FloodError, Lines, line
from targets.protocol.node import Message, NodeId
from targets.protocol.target import Target

OUTBOX_MAX = 10_000
RECONNECT_S = 0.05
CONNECTIONS_MAX = 900
"""Fewer than the 1,024 files that a process may have open."""

NAMES_MAX = 1_000
"""For so many clients one connection may speak."""

ERROR_SHOWN = 200

Address = tuple[str, int]


class Control(msgspec.Struct, frozen=True):
    """What the harness asks of a node's host (never of the node): its view, or a skewed clock."""

    ask: str
    offset_ms: float = 0.0
    rate: float = 1.0


class TcpNode:
    """One node, listening on `listen`, reaching each peer at `peers[id]`, keeping its files in `directory`."""

    def __init__(
        self,
        target: Target,
        me: NodeId,
        listen: Address,
        peers: Mapping[NodeId, Address],
        directory: Path,
        seed: int = 0,
    ) -> None:
        nodes = tuple(sorted({me, *peers}, key=lambda name: (len(name), name)))
        self.context = LiveContext(me, nodes, DirectoryDisk(directory), seed, self._transmit)
        self.host = Host(target, self.context)
        self.listen = listen
        self.peers = {peer: address for peer, address in peers.items() if peer != me}
        self._outboxes = {peer: trio.open_memory_channel[bytes](OUTBOX_MAX) for peer in self.peers}
        self._clients: dict[str, trio.MemorySendChannel[bytes]] = {}
        self._guests = Guests(CONNECTIONS_MAX)
        self._envelope = msgspec.json.Decoder(Envelope)

    def _transmit(self, to: NodeId, message: Message) -> None:
        if to == self.context.me:
            self.host.deliver(to, msgspec.json.encode(message))
            return
        outbox = self._outboxes[to][0] if to in self._outboxes else self._clients.get(to)
        if outbox is None:
            return  # a client that has disconnected
        try:
            outbox.send_nowait(line(self.context.me, to, message, self.host.request))
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            return  # lost, as on a network

    async def run(self) -> None:
        """Serve until cancelled. A disk that fails ends the node with its error."""
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(self.listen[1], host=self.listen[0])
            for peer in self.peers:
                nursery.start_soon(self._feed, peer)
            nursery.start_soon(self.host.run)
            await trio.serve_listeners(self._serve, listeners)

    async def _feed(self, peer: NodeId) -> None:
        """Sends what is in a peer's outbox, reconnecting without end; a message that was being sent when the connection
        broke is lost."""
        outbox = self._outboxes[peer][1]
        while True:
            try:
                stream = await trio.open_tcp_stream(*self.peers[peer])
                async with stream:
                    while True:
                        await stream.send_all(await outbox.receive())
            except OSError:
                await trio.sleep(RECONNECT_S)
            except trio.BrokenResourceError:
                await trio.sleep(RECONNECT_S)

    async def _serve(self, stream: trio.SocketStream) -> None:
        outbox, pending = trio.open_memory_channel[bytes](OUTBOX_MAX)
        mine: set[str] = set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, stream, pending)
            with self._guests.seat(nursery.cancel_scope):
                try:
                    async for text in Lines(stream):
                        self._take(text, outbox, mine)
                        self._guests.active(nursery.cancel_scope)
                except (JunkError, FloodError, *JUNK) as error:
                    sys.stderr.write(f"junk from a connection: {str(error)[:ERROR_SHOWN]}\n")
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    pass
            nursery.cancel_scope.cancel()
        for client in mine:
            if self._clients.get(client) is outbox:
                del self._clients[client]
        with trio.move_on_after(1, shield=True):
            await stream.aclose()

    def _take(self, text: bytes, outbox: trio.MemorySendChannel[bytes], mine: set[str]) -> None:
        envelope = self._envelope.decode(text)
        if envelope.src == "harness":
            control = msgspec.json.decode(envelope.body, type=Control)
            try:
                outbox.send_nowait(line(self.context.me, "harness", self._control(control)))
            except trio.WouldBlock:
                raise JunkError(f"asks, and left {OUTBOX_MAX} answers unread") from None
            return
        if envelope.src not in self.peers:
            if len(mine) >= NAMES_MAX:
                raise JunkError(f"speaks for more than {NAMES_MAX} clients")
            mine.add(envelope.src)
            self._clients[envelope.src] = outbox
        self.host.deliver(envelope.src, envelope.body)

    def _control(self, control: Control) -> Any:
        if control.ask == "skew":
            self.context.clock.skew(control.offset_ms, control.rate)
        return {"now_ms": self.context.clock.now_ms(), "view": self.host.node.view()}

    @staticmethod
    async def _write(stream: trio.SocketStream, pending: trio.MemoryReceiveChannel[bytes]) -> None:
        try:
            async for text in pending:
                await stream.send_all(text)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
