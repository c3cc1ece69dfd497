"""Hosts one node on trio. How its messages travel is another file's matter: tcp.py or stdio.py.

The node is the simulator's, unchanged. Inputs (messages, timers) are taken one at a time; a handler's effects are
carried out in order as it names them: writes and syncs at once on the real disk, sends into outboxes that are only
emptied when the handler has returned. Memory is bounded: a full outbox drops the message, as a network may.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import trio

from checker.errors import TargetError
from targets.backends.wire import JUNK
from targets.protocol.node import Disk, Message, Node, NodeId, Reply, Request, Timer
from targets.protocol.target import Target

INBOX_MAX = 100_000

DEPTH_MAX = 50
"""How deep the lists and maps of a request may lie in each other: it travels on inside of other messages."""


INPUTS: dict[str, Any] = {"cas": tuple[Any, Any], "fenced-write": tuple[int, Any]}
"""What the input of an operation must look like, where a node cannot handle every value."""


class JunkError(TargetError):
    """A message that no client and no peer would send."""


class SkewedClock:
    """A node's own clock: true time, moved and sped up on request."""

    def __init__(self) -> None:
        self._true_ms = time.time() * 1000
        self._own_ms = self._true_ms
        self.rate = 1.0

    def now_ms(self) -> float:
        """The time by the node's clock, in ms since 1970."""
        true_ms = time.time() * 1000
        self._own_ms += (true_ms - self._true_ms) * self.rate
        self._true_ms = true_ms
        return self._own_ms

    def skew(self, offset_ms: float, rate: float) -> None:
        """Set the clock `offset_ms` away from the true time, running at `rate` from now on."""
        self._true_ms = time.time() * 1000
        self._own_ms = self._true_ms + offset_ms
        self.rate = rate


class LiveContext:
    """The Context of a node that really runs. `transmit(to, message)` hands a message to the transport."""

    def __init__(
        self, me: NodeId, nodes: tuple[NodeId, ...], disk: Disk, seed: int, transmit: Callable[[NodeId, Message], None]
    ) -> None:
        self.me = me
        self.nodes = nodes
        self.disk = disk
        # not the seed alone: a restarted node must not get the same random numbers again
        self.random = Random(f"{seed} {me} {time.time_ns()}")
        self.clock = SkewedClock()
        self._transmit = transmit
        self._due: dict[Timer, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0

    def now_ms(self) -> float:
        return self.clock.now_ms()

    def send(self, to: NodeId, message: Message) -> None:
        self._transmit(to, message)

    def reply(self, request: Request, output: Any = None) -> None:
        self._transmit(request.client, Reply(request.id, "ok", output))

    def fail(self, request: Request, error: str, leader: NodeId | None = None) -> None:
        self._transmit(request.client, Reply(request.id, "fail", None, error, leader))

    def info(self, request: Request, error: str) -> None:
        self._transmit(request.client, Reply(request.id, "info", None, error))

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        self._count += 1
        due = trio.current_time() + after_ms / 1000 / self.clock.rate
        self._due[timer] = (due, self._count)
        heapq.heappush(self._heap, (due, self._count, timer))

    def cancel_timer(self, timer: Timer) -> None:
        self._due.pop(timer, None)

    def next_due(self) -> float:
        """When (trio's clock, s) the next timer fires; infinity if none is set."""
        while self._heap:
            due, count, timer = self._heap[0]
            if self._due.get(timer) == (due, count):
                return due
            heapq.heappop(self._heap)
        return math.inf

    def pop_due(self) -> Timer:
        """The timer that is due first; call it only when `next_due` has passed."""
        _, _, timer = heapq.heappop(self._heap)
        del self._due[timer]
        return timer


class Host:
    """Runs one node: `deliver` queues an input, `run` takes them one by one, without end."""

    def __init__(self, target: Target, context: LiveContext) -> None:
        self.node: Node = target.node()
        self.context = context
        self.request: str | None = None
        """The id of the request that is being handled."""
        self._offers = target.operations
        self._decoder: msgspec.json.Decoder[Message] = decoder(target)
        self._send, self._receive = trio.open_memory_channel[tuple[NodeId, Message]](INBOX_MAX)

    def deliver(self, sender: NodeId, body: bytes | msgspec.Raw) -> None:
        """Queue a message, JSON as it came. Raises JunkError for what must not reach the node; drops it when the
        inbox is full."""
        try:
            message = self._decoder.decode(body)
        except JUNK as error:
            raise JunkError(str(error)) from error
        if isinstance(message, Request):
            self._admit(message)
        elif sender not in self.context.nodes:
            raise JunkError(f"{sender!r} is not a node and sent {type(message).__name__}")
        try:
            self._send.send_nowait((sender, message))
        except trio.WouldBlock:
            return

    def _admit(self, request: Request) -> None:
        """Any program may connect to the port: a node gets only operations that its target offers, with usable
        values."""
        if request.f not in self._offers:
            raise JunkError(f"a request for {request.f!r}, which is not offered")
        if not isinstance(request.key, str | int | float | None):
            raise JunkError(f"a request with a key that is {type(request.key).__name__}")
        if request.f in INPUTS:
            try:
                msgspec.convert(request.input, INPUTS[request.f])
            except msgspec.ValidationError as error:
                raise JunkError(f"a {request.f} with an input of another form: {error}") from error
        if _deeper(request.input, DEPTH_MAX):
            raise JunkError(f"a request whose input lies more than {DEPTH_MAX} deep")

    async def run(self) -> None:
        """Start the node and serve its inputs until cancelled."""
        self.node.start(self.context)
        while True:
            with trio.move_on_at(self.context.next_due()) as waited:
                sender, message = await self._receive.receive()
                self.request = message.id if isinstance(message, Request) else None
                self.node.receive(sender, message)
                self.request = None
            if waited.cancelled_caught or self.context.next_due() <= trio.current_time():
                self.node.timeout(self.context.pop_due())


def _deeper(value: Any, levels: int) -> bool:
    """Whether lists and maps lie in each other more than so many levels deep."""
    if not isinstance(value, list | tuple | dict):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(one, levels - 1) for one in inner)


def decoder(target: Target) -> msgspec.json.Decoder[Message]:
    """Decodes what a node of this target may receive: its own messages and clients' requests."""
    union: Any = Request
    for kind in target.messages:
        union = union | kind
    return msgspec.json.Decoder(union)
