"""Nodes of a target on trio, in this process: a Cluster for the real-time loop whose nodes are the simulator's.

Messages take a moment; a fault is carried out at once. With trio's MockClock no time really passes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Self

import trio

from checker.errors import TargetError
from targets.protocol.cluster import Death
from targets.protocol.fault import Evidence, Fault, Heal, Kill, Restart, Skew
from targets.protocol.node import Message, Node, NodeId, Reply, Request, Timer

MESSAGE_S = 0.002


class Host:
    """A node, its clock and its timers; also the Context of the node."""

    def __init__(self, cluster: OnTrio, me: NodeId, nodes: tuple[NodeId, ...]) -> None:
        self.me, self.nodes = me, nodes
        self.random = Random(me)
        self.node: Node | None = None
        self.offset_ms = 0.0
        self._cluster = cluster
        self._timers: dict[Timer, object] = {}

    @property
    def disk(self) -> Any:
        raise NotImplementedError

    def now_ms(self) -> float:
        return trio.current_time() * 1000 - self._cluster.began_ms + self.offset_ms

    def start(self) -> None:
        self.node = self._cluster.make()
        self.handle(lambda node: node.start(self))

    def handle(self, call: Callable[[Node], None]) -> None:
        """Let the node take an input. What it raises is its end."""
        if self.node is None:
            return
        try:
            call(self.node)
        except Exception as error:
            self.end()
            self._cluster.died.append(Death(self.me, f"raised {error!r}", raised=True))

    def end(self) -> None:
        self.node = None
        self._timers.clear()

    def send(self, to: NodeId, message: Message) -> None:
        self._cluster.post(self.me, to, message)

    def reply(self, request: Request, output: Any = None) -> None:
        self._cluster.answer(Reply(request.id, "ok", output))

    def fail(self, request: Request, error: str, leader: NodeId | None = None) -> None:
        self._cluster.answer(Reply(request.id, "fail", None, error, leader))

    def info(self, request: Request, error: str) -> None:
        self._cluster.answer(Reply(request.id, "info", None, error))

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        due = self._timers[timer] = object()
        self._cluster.later(after_ms / 1000, lambda: self._fire(timer, due))

    def _fire(self, timer: Timer, due: object) -> None:
        if self._timers.get(timer) is due:
            del self._timers[timer]
            self.handle(lambda node: node.timeout(timer))

    def cancel_timer(self, timer: Timer) -> None:
        self._timers.pop(timer, None)


class OnTrio:
    """`async with OnTrio(make, 3) as cluster: await cluster.start()`."""

    faults: frozenset[str] = frozenset({"kill", "restart", "heal", "skew"})
    paused: frozenset[NodeId] = frozenset()
    complaint: TargetError | None = None

    def __init__(self, make: Callable[[], Node], nodes: int) -> None:
        self.make = make
        self.nodes: tuple[NodeId, ...] = tuple(f"n{i + 1}" for i in range(nodes))
        self.remarks: list[str] = []
        self.died: list[Death] = []
        self.began_ms = 0.0
        self._hosts = {node: Host(self, node, self.nodes) for node in self.nodes}
        self._waiting: dict[str, trio.MemorySendChannel[Reply]] = {}

    async def __aenter__(self) -> Self:
        self._manager = trio.open_nursery()
        self._nursery = await self._manager.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        self._nursery.cancel_scope.cancel()
        return await self._manager.__aexit__(kind, error, trace)

    @property
    def down(self) -> frozenset[NodeId]:
        return frozenset(name for name, host in self._hosts.items() if host.node is None)

    @property
    def message_kinds(self) -> dict[str, int]:
        return {}

    async def start(self) -> None:
        self.began_ms = trio.current_time() * 1000
        for host in self._hosts.values():
            host.start()

    async def apply(self, fault: Fault) -> None:
        match fault:
            case Kill():
                for node in fault.nodes:
                    self._hosts[node].end()
            case Restart():
                for node in fault.nodes:
                    self._hosts[node].start()
            case Skew():
                self._hosts[fault.node].offset_ms = fault.offset_ms
            case Heal():
                pass
            case _:
                raise NotImplementedError(fault)

    async def views(self) -> dict[NodeId, dict[str, Any]]:
        return {}

    async def deaths(self, *, thorough: bool = False) -> list[Death]:
        found, self.died = self.died, []
        return found

    def evidence(self) -> list[Evidence]:
        return []

    def later(self, after_s: float, call: Callable[[], None]) -> None:
        """Call it when so much time has passed."""

        async def wait() -> None:
            await trio.sleep(after_s)
            call()

        self._nursery.start_soon(wait)

    def post(self, source: NodeId, dest: NodeId, message: Message) -> None:
        """Deliver a message a moment later."""
        host = self._hosts[dest]
        self.later(MESSAGE_S, lambda: host.handle(lambda node: node.receive(source, message)))

    def answer(self, reply: Reply) -> None:
        """To the client that waits, if it still does."""
        waiting = self._waiting.get(reply.id)
        if waiting is not None:
            self.later(MESSAGE_S, partial(waiting.send_nowait, reply))

    def client(self, node: NodeId) -> OnTrioClient:
        return OnTrioClient(self, node)

    async def ask(self, node: NodeId, request: Request) -> Reply:
        """The answer, whenever it comes."""
        send, receive = trio.open_memory_channel[Reply](10)
        self._waiting[request.id] = send
        try:
            self.post(request.client, node, request)
            return await receive.receive()
        finally:
            del self._waiting[request.id]


class OnTrioClient:
    def __init__(self, cluster: OnTrio, node: NodeId) -> None:
        self._cluster = cluster
        self._node = node

    async def open(self) -> None:
        """Nothing to open."""

    async def invoke(self, request: Request) -> Reply:
        return await self._cluster.ask(self._node, request)

    async def close(self) -> None:
        """Nothing to close."""
