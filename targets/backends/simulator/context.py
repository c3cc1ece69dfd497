"""What a node sees of the simulated machine that it runs on: its disk, its timers, its way to others."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from targets.protocol.node import Message, NodeId, Reply, Request, Timer

if TYPE_CHECKING:
    from targets.backends.simulator.host import Host


class HostDisk:
    """The node's view of its disk: a write is an effect, and a read first carries out the effects that wait."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._effect = host.effect
        self._disk = host.disk

    def names(self) -> list[str]:
        self._host.flush()
        return self._disk.names()

    def read(self, name: str) -> bytes:
        self._host.flush()
        return self._disk.read(name)

    def create(self, name: str) -> None:
        self._effect(self._disk.create, name)

    def append(self, name: str, data: bytes) -> None:
        self._effect(self._disk.append, name, data)

    def truncate(self, name: str, size: int) -> None:
        self._effect(self._disk.truncate, name, size)

    def sync(self, name: str) -> None:
        self._host.sync(self._disk.sync, name)

    def rename(self, old: str, new: str) -> None:
        self._effect(self._disk.rename, old, new)

    def remove(self, name: str) -> None:
        self._effect(self._disk.remove, name)

    def sync_directory(self) -> None:
        self._host.sync(self._disk.sync_directory)


class HostContext:
    """The Context of one incarnation of a node.

    Most effects are sends and timers that wait for no sync: those are carried out directly, without `effect`.
    """

    def __init__(self, host: Host, random: Random) -> None:
        self.me = host.name
        self.nodes = host.nodes
        self.random = random
        self.disk = HostDisk(host)
        self.now_ms = host.clock_ms
        self._host = host

    def send(self, to: NodeId, message: Message) -> None:
        host = self._host
        if host.after_sync or host.die_after is not None:
            host.effect(host.send, self.me, to, message)
        else:
            host.send(self.me, to, message)

    def reply(self, request: Request, output: Any = None) -> None:
        self.send(request.client, Reply(request.id, "ok", output))

    def fail(self, request: Request, error: str, leader: NodeId | None = None) -> None:
        self.send(request.client, Reply(request.id, "fail", None, error, leader))

    def info(self, request: Request, error: str) -> None:
        self.send(request.client, Reply(request.id, "info", None, error))

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        host = self._host
        if host.after_sync or host.die_after is not None:
            host.effect(host.set_timer, timer, after_ms)
        else:
            host.set_timer(timer, after_ms)

    def cancel_timer(self, timer: Timer) -> None:
        host = self._host
        if host.after_sync or host.die_after is not None:
            host.effect(host.cancel_timer, timer)
        else:
            host.cancel_timer(timer)
