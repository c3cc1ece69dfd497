"""The requests of clients: sent, answered, timed out; and refused by an only server that is down."""

from __future__ import annotations

from collections.abc import Callable

from targets.backends.simulator.host import Host
from targets.backends.simulator.loop import Loop
from targets.backends.simulator.network import MS, Network
from targets.protocol.node import Message, NodeId, Reply, Request

RECONNECT_MS = 5.0
"""How soon a client that was refused tries again."""

Done = Callable[[Reply | None], None]


class Reset(Message, frozen=True, tag="reset"):
    """To a client: the connection over which it sent this request has ended, so there will be no answer."""

    id: str


class Calls:
    """What clients wait for. What reaches a node that is down is lost.

    Only where there is no other node to turn to do clients connect again until they are accepted; and a restarted
    server resets their old connections, whose outcome is then unknown.
    """

    def __init__(self, loop: Loop, network: Network, timed_out: Callable[[Request], None]) -> None:
        """`timed_out` is called when a client has given up, after it was told."""
        self._loop = loop
        self._network = network
        self._on_timeout = timed_out
        self._waiting: dict[str, tuple[Request, Done]] = {}
        self._refused: set[str] = set()
        """Requests of the only server's clients that wait until it accepts connections again."""
        self._reached: set[str] = set()
        """Requests that it has accepted, whatever became of them."""
        self._given_up: set[str] = set()
        """Requests that clients know to have failed: a late copy of one that was duplicated has no effect."""

    @property
    def waiting(self) -> list[Request]:
        """The requests whose clients wait for an answer."""
        return [request for request, _ in self._waiting.values()]

    def waits(self, id: str) -> bool:
        """Whether the client of a request waits for its answer."""
        return id in self._waiting

    def invoke(self, request: Request, node: NodeId, timeout_ms: float, done: Done) -> None:
        """Send a request to a node; `done` is called once, with the reply or with None if there will be none."""
        waiting = self._waiting[request.id] = (request, done)
        self._network.send(request.client, node, request)
        self._loop.at(self._loop.now_ns + int(timeout_ms * MS), self._timed_out, waiting)

    def _timed_out(self, waiting: tuple[Request, Done]) -> None:
        request, done = waiting
        if self._waiting.get(request.id) is not waiting:
            return
        del self._waiting[request.id]
        if request.id in self._refused:
            self._given_up.add(request.id)
            done(Reply(request.id, "fail", None, "connection refused"))
        else:
            done(None)
        self._on_timeout(request)

    def receive(self, source: NodeId, message: Message) -> None:
        """A message has reached a client."""
        if isinstance(message, Reply):
            self._end(message.id, message)
        elif isinstance(message, Reset):
            self._end(message.id, None)

    def _end(self, id: str, reply: Reply | None) -> None:
        waiting = self._waiting.pop(id, None)
        if waiting is not None:
            waiting[1](reply)

    # the only server

    def connected(self, only: Host, source: NodeId, message: Message) -> None:
        """A message has reached the only server, which accepts no connections while it is down."""
        if not isinstance(message, Request):
            only.receive(source, message)
        elif only.node is None:
            self._refuse(message, only)
        elif message.id not in self._given_up:
            self._reached.add(message.id)
            self._refused.discard(message.id)
            only.receive(source, message)

    def _refuse(self, request: Request, only: Host) -> None:
        """One copy of a duplicated request may have been accepted before: then the outcome is unknown."""
        if request.id in self._waiting and request.id not in self._reached:
            self._refused.add(request.id)
            self._loop.at(self._loop.now_ns + int(RECONNECT_MS * MS), self._connect, (request, only))

    def _connect(self, attempt: tuple[Request, Host]) -> None:
        request, only = attempt
        if only.node is None:
            self._refuse(request, only)
        elif request.id in self._waiting and request.id in self._refused:
            self._refused.discard(request.id)
            self._network.send(request.client, only.name, request)

    def reset_connections(self, node: NodeId) -> None:
        """The only server has restarted."""
        for request, _ in list(self._waiting.values()):
            if request.id not in self._refused:
                self._network.send(node, request.client, Reset(request.id))
