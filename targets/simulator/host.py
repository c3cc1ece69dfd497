"""One simulated machine: runs a node, carries out the effects of its handlers in order, and may die between any two.

A handler only queues effects. A sync takes a drawn time: the effects behind it are carried out after it, and inputs
that arrive meanwhile wait, as they do for a single-threaded process. Reads of the disk force the effects before them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from checker.errors import TargetError
from targets.node import Message, Node, NodeId, Reply, Request, Timer
from targets.simulator.disk import DiskFailure, SimulatedDisk
from targets.simulator.draws import Draws, salt, share
from targets.simulator.loop import Loop
from targets.target import Target

MS = 1_000_000
SYNC_NS = (100_000, 1_500_000)
"""The least and the most that a sync takes."""

SEND, SYNC, DISK, TIMER, CANCEL = range(5)
Effect = tuple[int, Any, Any]


class Crashed(Exception):  # noqa: N818 - control flow: unwinds a handler of a node that has just died
    """The node died while its handler was reading its disk."""


class HostDisk:
    """The node's view of its disk: writes are queued as effects, reads carry out what is queued first."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._queue = host.effects.append
        self._disk = host.disk

    def names(self) -> list[str]:
        self._host.flush()
        return self._disk.names()

    def read(self, name: str) -> bytes:
        self._host.flush()
        return self._disk.read(name)

    def create(self, name: str) -> None:
        self._queue((DISK, self._disk.create, (name,)))

    def append(self, name: str, data: bytes) -> None:
        self._queue((DISK, self._disk.append, (name, data)))

    def truncate(self, name: str, size: int) -> None:
        self._queue((DISK, self._disk.truncate, (name, size)))

    def sync(self, name: str) -> None:
        self._queue((SYNC, self._disk.sync, (name,)))

    def rename(self, old: str, new: str) -> None:
        self._queue((DISK, self._disk.rename, (old, new)))

    def remove(self, name: str) -> None:
        self._queue((DISK, self._disk.remove, (name,)))

    def sync_directory(self) -> None:
        self._queue((SYNC, self._disk.sync_directory, ()))


class HostContext:
    """The Context of one incarnation of a node."""

    def __init__(self, host: Host, random: Random) -> None:
        self.me = host.name
        self.nodes = host.nodes
        self.random = random
        self.disk = HostDisk(host)
        self.now_ms = host.clock_ms
        self._queue = host.effects.append

    def send(self, to: NodeId, message: Message) -> None:
        self._queue((SEND, to, message))

    def reply(self, request: Request, output: Any = None) -> None:
        self._queue((SEND, request.client, Reply(request.id, "ok", output)))

    def fail(self, request: Request, error: str, leader: NodeId | None = None) -> None:
        self._queue((SEND, request.client, Reply(request.id, "fail", None, error, leader)))

    def info(self, request: Request, error: str) -> None:
        self._queue((SEND, request.client, Reply(request.id, "info", None, error)))

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        self._queue((TIMER, timer, after_ms))

    def cancel_timer(self, timer: Timer) -> None:
        self._queue((CANCEL, timer, None))


class Host:
    """One machine: a disk and a clock that last, and a node that comes and goes."""

    def __init__(
        self,
        name: NodeId,
        nodes: tuple[NodeId, ...],
        target: Target,
        loop: Loop,
        seed: int,
        send: Callable[[NodeId, NodeId, Message], None],
        running: dict[NodeId, Node],
        stepped: Callable[[NodeId], None] | None,
    ) -> None:
        """`running` holds all nodes that run, kept by the hosts; `stepped` hears of each handler that ran."""
        self.name = name
        self.nodes = nodes
        self.disk = SimulatedDisk()
        self.node: Node | None = None
        self.paused = False
        self.incarnation = 0
        self.effects: list[Effect] = []
        self.die_after: int | None = None
        self.power_with_it: tuple[bool, bool] = (False, False)
        self.deaths: list[tuple[int, str]] = []
        """When and why the node died of itself, oldest first."""
        self._target = target
        self._loop = loop
        self._send = send
        self._running = running
        self._stepped = stepped
        self.random = Draws(loop, f"{seed} {name} machine")
        self._node_random = Draws(loop, f"{seed} {name}")
        self._sync_salt = salt(f"{seed} {name} sync")
        self._inbox: deque[tuple[Any, Any]] = deque()
        self._timers: dict[Timer, int] = {}
        self._timer_number = 0
        self._syncing = False
        self._stalled: tuple[list[Effect], int] | None = None
        self._rate = 1.0
        self._clock_base_ns = 0
        self._clock_base_ms = 0.0

    # the clock

    def clock_ms(self) -> float:
        """What this machine's clock says."""
        return self._clock_base_ms + (self._loop.now_ns - self._clock_base_ns) / MS * self._rate

    def skew(self, offset_ms: float, rate: float) -> None:
        """Set the clock that far from the true time, and its speed from now on."""
        self._clock_base_ns = self._loop.now_ns
        self._clock_base_ms = self._loop.now_ns / MS + offset_ms
        self._rate = rate

    # life and death

    def start(self) -> None:
        """First start, or restart after a death."""
        self.incarnation += 1
        node = self.node = self._running[self.name] = self._target.node()
        self._context = HostContext(self, self._node_random)
        self._syncing = False
        self._handle(node.start, self._context)

    def kill(self, *, power: bool, torn: bool) -> str:
        """End the node at once; returns what was lost with it."""
        self.node = None
        self._running.pop(self.name, None)
        self.die_after = None
        self.incarnation += 1
        self.effects.clear()
        self._syncing = False
        self._stalled = None
        self._inbox.clear()
        self._timers.clear()
        self.paused = False
        return self.disk.lose_power(self.random, torn=torn) if power else "process ended; the page cache stayed"

    def _die(self, reason: str) -> None:
        power, torn = self.power_with_it
        self.deaths.append((self._loop.now_ns, f"{reason}; {self.kill(power=power, torn=torn)}"))
        self.power_with_it = (False, False)

    def resume(self) -> None:
        """Go on after a pause, with all that arrived meanwhile."""
        self.paused = False
        if self._stalled is not None:
            (effects, at), self._stalled = self._stalled, None
            self._synced(self.incarnation, effects, at)
        self._drain()

    # inputs

    def receive(self, sender: NodeId, message: Message) -> None:
        """A message has arrived; it is lost if the node is down, and waits while it is paused or syncing."""
        if self.node is None:
            return
        if self.paused or self._syncing or self._inbox:
            self._inbox.append((sender, message))
        else:
            self._handle(self.node.receive, sender, message, self._context)

    def _fire(self, incarnation: int, timer: Timer, number: int) -> None:
        if incarnation != self.incarnation or self._timers.get(timer) != number or self.node is None:
            return
        if self.paused or self._syncing or self._inbox:
            self._inbox.append((None, (timer, number)))
        else:
            del self._timers[timer]
            self._handle(self.node.timeout, timer, self._context)

    def _drain(self) -> None:
        inbox = self._inbox
        while inbox and self.node is not None and not self.paused and not self._syncing:
            sender, what = inbox.popleft()
            if sender is not None:
                self._handle(self.node.receive, sender, what, self._context)
            elif self._timers.get(what[0]) == what[1]:
                del self._timers[what[0]]
                self._handle(self.node.timeout, what[0], self._context)

    @property
    def waiting(self) -> int:
        """How many inputs wait for the node."""
        return len(self._inbox)

    def _handle(self, handler: Callable[..., None], *arguments: Any) -> None:
        try:
            handler(*arguments)
        except Crashed:
            return
        except TargetError as error:
            self._die(f"node {self.name} stopped itself: {error}")
            return
        except Exception as error:
            what = ", ".join(str(argument)[:200] for argument in arguments[:-1])
            raise TargetError(f"node {self.name} raised {error!r} in {handler.__name__}({what})") from error
        if self.effects:
            effects = self.effects[:]
            self.effects.clear()
            self._carry_out(effects, 0)
        if self._stepped is not None and self.node is not None:
            self._stepped(self.name)

    # effects

    def flush(self) -> None:
        """Carry out what the running handler has queued so far, without waiting for syncs."""
        effects = self.effects[:]
        self.effects.clear()
        incarnation = self.incarnation
        self._carry_out(effects, 0, wait=False)
        if self.incarnation != incarnation:
            raise Crashed

    def _carry_out(self, effects: list[Effect], start: int, wait: bool = True) -> None:
        for at in range(start, len(effects)):
            if self.die_after is not None:
                if self.die_after == 0:
                    self._die("died between two effects of a handler")
                    return
                self.die_after -= 1
            kind, what, more = effects[at]
            if kind == SEND:
                self._send(self.name, what, more)
            elif kind == TIMER:
                self._timer_number += 1
                self._timers[what] = self._timer_number
                due_ns = self._loop.now_ns + int(more * MS / self._rate)
                self._loop.at(due_ns, self._fire, self.incarnation, what, self._timer_number)
            elif kind == CANCEL:
                self._timers.pop(what, None)
            elif kind == SYNC and wait:
                self._syncing = True
                now_ns = self._loop.now_ns
                took_ns = SYNC_NS[0] + int(share(self._sync_salt, now_ns) ** 3 * (SYNC_NS[1] - SYNC_NS[0]))
                self._loop.at(now_ns + took_ns, self._synced, self.incarnation, effects, at)
                return
            elif not self._write(what, more):
                return

    def _write(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> bool:
        try:
            call(*arguments)
        except DiskFailure as failure:
            self._die(str(failure))
            return False
        return True

    def _synced(self, incarnation: int, effects: list[Effect], at: int) -> None:
        """The sync at this place is done: go on with the effects behind it, then with the inputs that waited."""
        if incarnation != self.incarnation:
            return
        if self.paused:
            self._stalled = (effects, at)
            return
        self._syncing = False
        _, call, arguments = effects[at]
        if self._write(call, arguments):
            self._carry_out(effects, at + 1)
            self._drain()
