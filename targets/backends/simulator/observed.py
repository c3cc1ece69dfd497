"""An observed run: every event is reported as it happens, so that a run can be taken to any of them and changed there.

An event is something that happens to a node or a client: an input of a node, the end of a sync, a request, its answer,
a fault. Events of the same run have the same numbers every time; a run that is changed after an event has the same
events up to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from targets.backends.simulator.calls import Done
from targets.backends.simulator.cluster import SimulatedCluster
from targets.backends.simulator.disk import SimulatedDisk
from targets.backends.simulator.host import Host, Surroundings
from targets.backends.simulator.network import Receiver
from targets.backends.simulator.traced import TracedHost
from targets.protocol.fault import Fault
from targets.protocol.node import Message, Node, NodeId, Reply, Request, Timer

What = Literal["start", "message", "timer", "sync", "death", "ignored", "invoke", "reply", "timeout", "fault"]


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `place`: the node, or the client by its process; "" for a fault.

    start, message, timer: a node handled it. sync: what it wrote is durable. death: it stopped between two effects, or
    because its disk failed. ignored: a message arrived at a node that is down. invoke: a client sent a request. reply,
    timeout: what became of it (a reply that nobody waits for any more is `ignored`).
    """

    time_ns: int
    what: What
    place: NodeId
    content: Any = None
    """The message, the name of the timer, the fault, or why the node died."""
    sender: NodeId = ""
    number: int = 0
    """Of a message: its number on its link."""
    effects: tuple[str, ...] = ()
    """What the node did, in order; a kill can come between any two of them."""


Observe = Callable[[Event], None]
"""Called after each event. It may apply faults to the cluster, or raise to end the run."""


class ObservedHost(TracedHost):
    """Reports its events."""

    def __init__(self, name: NodeId, shared: Surroundings, observe: Observe, arriving: Callable[[], int]) -> None:
        """`arriving`: the number of the message that arrived last."""
        super().__init__(name, shared)
        self._observe = observe
        self._arriving = arriving
        self._arrived: deque[int] = deque()
        """The numbers of the messages that arrived and are not handled yet."""
        self._effects: list[str] = []
        self._send = shared.send
        self.send = self._sending

    def _report(self, what: What, content: Any = None, sender: NodeId = "", number: int = 0) -> None:
        effects, self._effects = tuple(self._effects), []
        self._observe(Event(self._loop.now_ns, what, self.name, content, sender, number, effects))

    def receive(self, sender: NodeId, message: Message) -> None:
        if self.node is None:
            self._report("ignored", message, sender, self._arriving())
            return
        self._arrived.append(self._arriving())
        super().receive(sender, message)

    def _handle(self, node: Node, sender: NodeId | None, what: Any) -> None:
        number = 0 if sender is None else self._arrived.popleft()
        deaths = len(self.deaths)
        try:
            super()._handle(node, sender, what)
        finally:
            if sender is not None:
                self._report("message", what, sender, number)
            elif what is not None:
                self._report("timer", str(what.timer))
            else:
                self._report("start")
        self._report_deaths(deaths)

    def _report_deaths(self, before: int) -> None:
        for _, why in self.deaths[before:]:
            self._report("death", why)

    def _synced(self, incarnation: int) -> None:
        deaths = len(self.deaths)
        super()._synced(incarnation)
        self._report_deaths(deaths)

    def _after_sync(self) -> None:
        self._report("sync")
        super()._after_sync()

    def kill(self, *, power: bool, torn: bool) -> str:
        self._arrived.clear()
        return super().kill(power=power, torn=torn)

    # effects

    def _sending(self, source: NodeId, dest: NodeId, message: Message) -> None:
        self._effects.append(f"send {type(message).__name__} to {dest}")
        self._send(source, dest, message)

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        self._effects.append(f"set timer {timer}")
        super().set_timer(timer, after_ms)

    def cancel_timer(self, timer: Timer) -> None:
        self._effects.append(f"cancel timer {timer}")
        super().cancel_timer(timer)

    def _carry_out(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        super()._carry_out(call, arguments)
        if isinstance(getattr(call, "__self__", None), SimulatedDisk):
            self._effects.append(" ".join([call.__name__.replace("_", " "), *map(str, arguments[:1])]))

    def _continue(self) -> None:
        super()._continue()
        if self._syncing:
            self._effects.append("sync")


class ObservedCluster(SimulatedCluster):
    """A traced cluster that reports every event to `observe`."""

    def __init__(self, *arguments: Any, observe: Observe, **named: Any) -> None:
        self._observe = observe
        super().__init__(*arguments, **{**named, "trace": True})

    def _host(self, name: NodeId, shared: Surroundings, trace: bool) -> Host:
        return ObservedHost(name, shared, self._observe, self._number_arriving)

    def _number_arriving(self) -> int:
        return self._network.arriving

    def _report(self, what: What, place: NodeId, content: Any, sender: NodeId = "", number: int = 0) -> None:
        self._observe(Event(self.now_ns, what, place, content, sender, number))

    def _receiver(self, name: NodeId) -> Receiver:
        receiver = super()._receiver(name)
        if name in self._hosts:
            return receiver

        def answered(source: NodeId, message: Message) -> None:
            waits = isinstance(message, Reply) and self._calls.waits(message.id)
            number = self._network.arriving
            receiver(source, message)
            self._report("reply" if waits else "ignored", name, message, source, number)

        return answered

    def invoke(self, request: Request, node: NodeId, timeout_ms: float, done: Done) -> None:
        super().invoke(request, node, timeout_ms, done)
        self._report("invoke", request.client, request, node)

    def _timed_out(self, request: Request) -> None:
        self._report("timeout", request.client, request)

    def apply(self, fault: Fault) -> None:
        super().apply(fault)
        self._report("fault", "", fault)

    # what an observer may look at

    @property
    def hosts(self) -> dict[NodeId, Host]:
        """The machines by name."""
        return self._hosts

    def under_way(self) -> list[tuple[int, NodeId, NodeId, Message, int]]:
        """The messages that will arrive, in order: when (ns), from and to whom, and the number on the link."""
        return self._network.under_way()

    @property
    def waiting(self) -> list[Request]:
        """The requests whose clients wait for an answer."""
        return self._calls.waiting
