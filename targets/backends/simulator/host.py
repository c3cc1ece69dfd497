"""One simulated machine: runs a node, carries out the effects of its handlers in order, and may die between any two.

An effect is carried out when the handler asks for it. A sync takes a random time, counted from the end of the handler:
effects that were asked for after it are carried out after it, and inputs that arrive meanwhile wait, as they do for a
single-threaded process. Where a handler reads its disk, the effects before the read are carried out at once.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.errors import TargetError
from targets.backends.simulator.context import HostContext
from targets.backends.simulator.coverage import Coverage
from targets.backends.simulator.disk import DiskFailure, SimulatedDisk
from targets.backends.simulator.loop import Loop
from targets.backends.simulator.network import MS
from targets.backends.simulator.node_errors import NodeRaisedError, ProtocolBrokenError
from targets.backends.simulator.time_keyed import TimeKeyedRandom, key, number_at
from targets.backends.simulator.watch import Watch
from targets.protocol.node import Message, Node, NodeId, Timer
from targets.protocol.target import Target

SYNC_NS = (100_000, 1_500_000)
"""The shortest and the longest duration of a sync."""

Effect = tuple[bool, Callable[..., None], tuple[Any, ...]]
"""Whether it is a sync, what to call, and the arguments."""


class Due:
    """A timer that is set. Where it is moved to a later time, the event of the earlier one stays and moves it then:
    heartbeats move an election timer far more often than it fires."""

    __slots__ = ("at_ns", "chosen", "queued_ns", "timer")

    def __init__(self, timer: Timer, at_ns: int) -> None:
        self.timer = timer
        self.at_ns = at_ns
        self.queued_ns = at_ns
        """When its event is due."""
        self.chosen = False
        """Whether a person has chosen to fire it now."""


Input = tuple[NodeId | None, Any]
"""A sender and its message, or None and a timer that is due."""


DOWN: dict[str, Any] = {}
"""The view of a node that does not run. Compare by identity: the view of a running node may be empty too."""


class Crashed(BaseException):
    """The node died within its handler. Not an Exception, so that the node does not catch it."""


def _place(error: BaseException) -> str:
    """Where an exception was raised, as the innermost file and line."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


@dataclass(frozen=True)
class Surroundings:
    """What all hosts of a cluster share. `running` holds all nodes that run, kept by the hosts."""

    nodes: tuple[NodeId, ...]
    target: Target
    loop: Loop
    seed: int
    send: Callable[[NodeId, NodeId, Message], None]
    running: dict[NodeId, Node]
    watch: Watch
    coverage: Coverage | None = None


class Host:
    """One machine: a disk and a clock that outlast crashes, and a node that does not."""

    def __init__(self, name: NodeId, shared: Surroundings) -> None:
        loop, seed = shared.loop, shared.seed
        self.name = name
        self.nodes = shared.nodes
        self.disk = SimulatedDisk()
        self.node: Node | None = None
        self.paused = False
        self.incarnation = 0
        self.send = shared.send
        self.die_after: int | None = None
        self.power_with_it: tuple[bool, bool] = (False, False)
        self.deaths: list[tuple[int, str]] = []
        """When and why the node died without a kill, oldest first."""
        self._target = shared.target
        self._loop = loop
        self._running = shared.running
        self._watch = shared.watch
        self._coverage = shared.coverage
        self.random = TimeKeyedRandom(loop, f"{seed} {name} machine")
        self._node_random = TimeKeyedRandom(loop, f"{seed} {name}")
        self._sync_key = key(f"{seed} {name} sync")
        self._inbox: deque[Input] = deque()
        self.after_sync: deque[Effect] = deque()
        """A sync, and the effects that wait for it."""
        self._timers: dict[Timer, Due] = {}
        """As they were set last: an earlier setting does not fire."""
        self._syncing = False
        self._synced_in_pause = False
        self._is_start = False
        """Whether the handler that waits for its sync is the start."""
        self._view: dict[str, Any] | None = None
        self._rate = 1.0
        self._clock_base_ns = 0
        self._clock_base_ms = 0.0
        self._by_hand = False
        """Whether timers fire only when they are chosen."""

    # the clock

    def clock_ms(self) -> float:
        """The time by this machine's clock."""
        return self._clock_base_ms + (self._loop.now_ns - self._clock_base_ns) / MS * self._rate

    @property
    def clock_error_ms(self) -> float:
        """How far it is ahead of the true time."""
        return self.clock_ms() - self._loop.now_ns / MS

    @property
    def rate(self) -> float:
        """How fast the clock runs, in multiples of true speed."""
        return self._rate

    @property
    def syncing(self) -> bool:
        """Whether it waits for a sync."""
        return self._syncing

    def skew(self, offset_ms: float, rate: float) -> None:
        """Set the clock's offset from the true time, and its rate from now on."""
        self._clock_base_ns = self._loop.now_ns
        self._clock_base_ms = self._loop.now_ns / MS + offset_ms
        self._rate = rate

    # life and death

    def start(self) -> None:
        """First start, or restart after a death."""
        self.incarnation += 1
        self.node = self._running[self.name] = self._target.node()
        self._context = HostContext(self, self._node_random)
        self._handle(self.node, None, None)

    def redraw(self, seed: str) -> None:
        """Draw all random numbers of the machine and its node under another seed from now on."""
        self.random.rekey(f"{seed} {self.name} machine")
        self._node_random.rekey(f"{seed} {self.name}")
        self._sync_key = key(f"{seed} {self.name} sync")

    def kill(self, *, power: bool, torn: bool) -> str:
        """End the node at once; returns what was lost with it."""
        self.node = self._view = None
        self._running.pop(self.name, None)
        if self._coverage is not None:
            self._coverage.died(self.name)
        self.die_after = None
        self.incarnation += 1
        self.after_sync.clear()
        self._syncing = self._synced_in_pause = False
        self._inbox.clear()
        self._timers.clear()
        self.paused = False
        return self.disk.lose_power(self.random, torn=torn) if power else "process ended; the page cache stayed"

    def _die(self, reason: str) -> None:
        power, torn = self.power_with_it
        self.deaths.append((self._loop.now_ns, f"{reason}; {self.kill(power=power, torn=torn)}"))
        self.power_with_it = (False, False)

    def resume(self) -> None:
        """Continue after a pause, with all inputs that arrived meanwhile."""
        self.paused = False
        if self._synced_in_pause:
            self._synced_in_pause = False
            self._synced(self.incarnation)
        self._drain()

    # inputs

    def receive(self, sender: NodeId, message: Message) -> None:
        """A message has arrived; it is lost if the node is down, and waits while it is paused or syncing."""
        if self.paused or self._syncing:
            self._inbox.append((sender, message))
        elif self.node is not None:
            self._handle(self.node, sender, message)

    def _fire(self, due: Due) -> None:
        if self.node is None or self._timers.get(due.timer) is not due or (self._by_hand and not due.chosen):
            return
        if due.at_ns > due.queued_ns:
            due.queued_ns = due.at_ns
            self._loop.at(max(due.at_ns, self._loop.now_ns), self._fire, due)
            return
        if self.paused or self._syncing:
            self._inbox.append((None, due))
        else:
            del self._timers[due.timer]
            self._handle(self.node, None, due)

    def _drain(self) -> None:
        inbox = self._inbox
        while inbox and not self.paused and not self._syncing:
            sender, what = inbox.popleft()
            if sender is None:
                self._fire(what)
            elif self.node is not None:
                self._handle(self.node, sender, what)

    def view(self) -> dict[str, Any]:
        """The node's view, DOWN if it does not run; it is computed again only after an input.

        A nemesis that waits for a trigger polls far more often than a node gets an input.
        """
        if self._view is None:
            self._view = DOWN if self.node is None else self.node.view()
        return self._view

    @property
    def still(self) -> bool:
        """Whether nothing has happened here since `view` was called."""
        return self._view is not None

    @property
    def waiting(self) -> int:
        """How many inputs wait for the node."""
        return len(self._inbox)

    def _handle(self, node: Node, sender: NodeId | None, what: Any) -> None:
        """Give the node one input: a message, a timer that is due, or (None) its start."""
        self._view = None
        try:
            if sender is not None:
                node.receive(sender, what)
            elif what is not None:
                node.timeout(what.timer)
            else:
                node.start(self._context)
            if self.after_sync:
                self._continue()
        except Crashed:
            return
        except (NodeRaisedError, ProtocolBrokenError):
            raise
        except TargetError as error:
            self._die(f"node {self.name} stopped itself: {error}")
            return
        except Exception as error:
            if sender is not None:
                call = f"receive({sender}, {str(what)[:200]})"
            else:
                call = "start()" if what is None else f"timeout({what.timer})"
            raise NodeRaisedError(self.name, f"raised {error!r}{_place(error)} in {call}") from error
        if self._coverage is not None:
            self._coverage.step(self.name)
        if self._syncing:
            self._is_start = what is None
        elif self._watch.at_steps or what is None:
            self._check_invariants(what is None)

    def _check_invariants(self, is_start: bool) -> None:
        """Called when what a handler did is durable: until then nothing of it was sent, and a crash undoes it."""
        watch = self._watch
        for invariant in watch.at_starts if is_start else watch.at_steps:
            found = invariant.check(self.name, self._running)
            if found is not None:
                watch.broken(invariant, found)

    # effects

    def effect(self, call: Callable[..., None], *arguments: Any) -> None:
        """Carry out an effect of the running handler; after a sync it waits for that."""
        if self.after_sync:
            self.after_sync.append((False, call, arguments))
        else:
            self._carry_out(call, arguments)

    def sync(self, call: Callable[..., None], *arguments: Any) -> None:
        """The effects after a sync wait for it; it starts when the handler has ended."""
        self.after_sync.append((True, call, arguments))

    def flush(self) -> None:
        """Carry out the effects that wait, syncs included, at once: the running handler reads its disk."""
        while self.after_sync:
            _, call, arguments = self.after_sync.popleft()
            self._carry_out(call, arguments)

    def _carry_out(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Raises Crashed if the node dies before the effect, or because it fails."""
        if self.die_after is not None:
            self._count_down(self.die_after)
        try:
            call(*arguments)
        except DiskFailure as failure:
            self._die(str(failure))
            raise Crashed from None

    def _count_down(self, left: int) -> None:
        if left == 0:
            self._die("died between two effects of a handler")
            raise Crashed
        self.die_after = left - 1

    def _continue(self) -> None:
        """Carry out the effects that wait, up to the next sync, and start that."""
        waiting = self.after_sync
        while waiting:
            is_sync, call, arguments = waiting[0]
            if is_sync:
                if self.die_after is not None:
                    self._count_down(self.die_after)
                self._syncing = True
                now_ns = self._loop.now_ns
                took_ns = SYNC_NS[0] + int(number_at(self._sync_key, now_ns) ** 3 * (SYNC_NS[1] - SYNC_NS[0]))
                self._loop.at(now_ns + took_ns, self._synced, self.incarnation)
                return
            waiting.popleft()
            self._carry_out(call, arguments)

    def _synced(self, incarnation: int) -> None:
        """The sync is done: continue with the effects that waited for it, then with the inputs."""
        if incarnation != self.incarnation:
            return
        if self.paused:
            self._synced_in_pause = True
            return
        self._syncing = False
        _, call, arguments = self.after_sync.popleft()
        try:
            call(*arguments)
            self._continue()
        except Crashed:
            return
        except DiskFailure as failure:
            self._die(str(failure))
            return
        self._after_sync()

    def _after_sync(self) -> None:
        """The effects up to the next sync, if there is one, have been carried out."""
        if not self._syncing and self.node is not None:
            self._check_invariants(self._is_start)
            self._drain()

    # timers

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        """Fire after so many ms of this machine's clock."""
        after_ns = int(after_ms * MS / self._rate)
        at_ns = self._loop.now_ns + (after_ns if after_ns > 0 else 0)
        due = self._timers.get(timer)
        if due is not None and due.queued_ns <= at_ns:
            due.at_ns, due.chosen = at_ns, False
            return
        due = self._timers[timer] = Due(timer, at_ns)
        self._loop.at(at_ns, self._fire, due)

    def cancel_timer(self, timer: Timer) -> None:
        """Cancel the timer, if it is set."""
        self._timers.pop(timer, None)

    @property
    def timers(self) -> list[tuple[int, str]]:
        """The timers that are set: when they are due (ns), and their names as text; the first to fire comes first."""
        return sorted((due.at_ns, str(timer)) for timer, due in self._timers.items())

    def fire(self, name: str) -> bool:
        """Fire the timer of this name now. Returns whether it is set."""
        for timer, due in list(self._timers.items()):
            if str(timer) == name:
                due.at_ns = due.queued_ns = self._loop.now_ns
                due.chosen = True
                self._fire(due)
                return True
        return False

    def by_hand(self, on: bool) -> None:
        """Whether timers fire only when they are chosen; those that were due meanwhile fire when that ends."""
        if self._by_hand and not on:
            now_ns = self._loop.now_ns
            for due in self._timers.values():
                if due.queued_ns <= now_ns:
                    due.queued_ns = now_ns
                    self._loop.at(now_ns, self._fire, due)
        self._by_hand = on
