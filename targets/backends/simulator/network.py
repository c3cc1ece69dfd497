"""The simulated network. A perfect link keeps its messages in order and delays each by a drawn time.

Draws are by link and time (draws.py): leaving out one operation reshuffles as little as possible of the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from random import Random
from typing import Any, NamedTuple

from targets.backends.simulator.draws import Draws, salt, share
from targets.backends.simulator.loop import Loop
from targets.protocol.fault import Cut, Degrade, Fault, Hold, Link
from targets.protocol.node import Message, NodeId

MS = 1_000_000


Cause = tuple[NodeId, Message]
"""Who sent a message, and the message: the input whose handler sent another."""


class Sent(NamedTuple):
    """One message on its way, for message diagrams. `delivered_ns` is None for one that was lost."""

    sent_ns: int
    delivered_ns: int | None
    source: NodeId
    dest: NodeId
    message: Message
    cause: Cause | None = None
    """What the sender was handling; None for clients, for timers, and where it is not known."""


@dataclass(eq=False)
class Disturbance:
    """A fault on links that is in force, and how many messages it touched."""

    fault: Cut | Degrade | Hold
    from_ms: float
    touched: int = 0
    to_ms: float | None = None


@dataclass
class _Link:
    loop: Loop
    name: str
    salt: int
    last_ns: int = 0
    faults: list[Disturbance] = field(default_factory=list)

    @cached_property
    def trouble(self) -> Random:
        """For what faults do to messages; most links never need it."""
        return Draws(self.loop, f"{self.name} trouble")


Receiver = Callable[[NodeId, Message], None]
"""Takes what arrives: who sent it, and the message."""


@dataclass(slots=True)
class _Way:
    """From one name to another. A client goes on under new names: several ways may share one link."""

    source: NodeId
    dest: NodeId
    link: _Link
    receiver: Receiver


class Network:
    """Delivers by calling the receiver of a destination in virtual time."""

    def __init__(
        self,
        loop: Loop,
        seed: int,
        receiver: Callable[[NodeId], Receiver],
        delay_ms: tuple[float, float],
        place: Callable[[NodeId], NodeId],
    ) -> None:
        """`receiver` says who takes what is sent to a name. `place` says behind whose links a name is: a client goes
        on under new names."""
        self._loop = loop
        self._seed = seed
        self._receiver = receiver
        self._least_ns = int(delay_ms[0] * MS)
        self._spread_ns = int((delay_ms[1] - delay_ms[0]) * MS)
        self._place = place
        self._ways: defaultdict[NodeId, dict[NodeId, _Way]] = defaultdict(dict)
        self._places: dict[Link, _Link] = {}
        self._held: list[tuple[_Way, Message, Sent]] = []
        self.disturbances: list[Disturbance] = []
        self.trace: list[Sent] | None = None
        self.cause: Callable[[NodeId], Cause | None] = lambda source: None
        """In a traced run: the input that a node is handling."""

    def _way(self, source: NodeId, dest: NodeId) -> _Way:
        link = self._between((self._place(source), self._place(dest)))
        way = self._ways[source][dest] = _Way(source, dest, link, self._receiver(dest))
        return way

    def _between(self, places: Link) -> _Link:
        if places not in self._places:
            name = f"{self._seed} {places[0]} {places[1]}"
            self._places[places] = _Link(self._loop, name, salt(name))
        return self._places[places]

    def send(self, source: NodeId, dest: NodeId, message: Message) -> None:
        """Put a message on its link; what is in force there decides what becomes of it."""
        way = self._ways[source].get(dest) or self._way(source, dest)
        link, loop = way.link, self._loop
        # a square favours short delays and leaves a tail, like a real network, for one draw and no logarithm
        draw = share(link.salt, loop.now_ns)
        time_ns = loop.now_ns + self._least_ns + int(self._spread_ns * draw * draw)
        if link.faults:
            self._send_badly(way, message, time_ns)
            return
        if time_ns <= link.last_ns:
            time_ns = link.last_ns + 1
        link.last_ns = time_ns
        if self.trace is not None:
            self._note(time_ns, way, message)
        loop.at(time_ns, self._arrive, (way, message))

    def _send_badly(self, way: _Way, message: Message, time_ns: int) -> None:
        link = way.link
        random = link.trouble
        times = [time_ns]
        in_order = True
        for one in link.faults:
            fault = one.fault
            if isinstance(fault, Degrade):
                lost, doubled, swapped, late = random.random(), random.random(), random.random(), random.random()
                if lost < fault.loss:
                    one.touched += 1
                    self._note(None, way, message)
                    return
                late_ns = int(-log(1.0 - late) * fault.delay_ms * MS) if fault.delay_ms else 0
                if doubled < fault.duplicate:
                    times.append(times[0] + int(random.random() * 20 * MS))
                if swapped < fault.reorder:
                    in_order = False
                    late_ns += int(random.random() * 30 * MS)
                times = [time + late_ns for time in times]
                one.touched += late_ns > 0 or len(times) > 1
            elif isinstance(fault, Cut):
                one.touched += 1
                self._note(None, way, message)
                return
            elif one.touched < fault.count and fault.message in (None, type(message).__name__):
                one.touched += 1
                self._held.append((way, message, self._sent(None, way, message)))
                return
        if in_order:
            times[0] = max(times[0], link.last_ns + 1)
            link.last_ns = times[0]
        for time in times:
            self._note(time, way, message)
            self._loop.at(time, self._arrive, (way, message))

    def _arrive(self, arrival: tuple[_Way, Message]) -> None:
        way, message = arrival
        if not (way.link.faults and self._lost_at_the_end(way, message)):
            way.receiver(way.source, message)

    def _lost_at_the_end(self, way: _Way, message: Message) -> bool:
        for one in way.link.faults:
            if isinstance(one.fault, Cut) and one.fault.under_way:
                one.touched += 1
                self._note_lost(way, message)
                return True
        return False

    def _note_lost(self, way: _Way, message: Message) -> None:
        """What was noted as on its way does not arrive."""
        if self.trace is not None:
            noted = (self._loop.now_ns, way.source, way.dest, message)
            self.trace[:] = (sent._replace(delivered_ns=None) if sent[1:5] == noted else sent for sent in self.trace)

    def _note(self, delivered_ns: int | None, way: _Way, message: Message) -> None:
        if self.trace is not None:
            self.trace.append(self._sent(delivered_ns, way, message))

    def _sent(self, delivered_ns: int | None, way: _Way, message: Message) -> Sent:
        return Sent(self._loop.now_ns, delivered_ns, way.source, way.dest, message, self.cause(way.source))

    @property
    def held_back(self) -> list[Sent]:
        """What is held back at this time: sent, and not in the trace yet."""
        return [sent for _, _, sent in self._held]

    def disturb(self, fault: Cut | Degrade | Hold) -> None:
        """Begin a fault on links; it lasts until `heal` (a Hold: until `release`)."""
        one = Disturbance(fault, self._loop.now_ns / MS)
        self.disturbances.append(one)
        for pair in _links(fault):
            self._between(pair).faults.append(one)

    def release(self) -> int:
        """Deliver what is held back, now and in order; returns how many."""
        self._end(Hold)
        held, self._held = self._held, []
        for way, message, sent in held:
            if self.trace is not None:
                self.trace.append(sent._replace(delivered_ns=self._loop.now_ns))
            self._loop.at(self._loop.now_ns, self._arrive, (way, message))
        return len(held)

    def heal(self) -> None:
        """End every cut and degradation, and release what is held back."""
        self._end(Cut, Degrade)
        self.release()

    def _end(self, *kinds: type[Fault]) -> None:
        now_ms = self._loop.now_ns / MS
        for one in self.disturbances:
            if one.to_ms is None and isinstance(one.fault, kinds):
                one.to_ms = now_ms
                for pair in _links(one.fault):
                    self._between(pair).faults.remove(one)


def _links(fault: Cut | Degrade | Hold) -> tuple[Link, ...]:
    return (fault.link,) if isinstance(fault, Hold) else fault.links


def describe(one: Disturbance) -> str:
    """What a disturbance did, for the evidence."""
    verb: dict[type[Any], str] = {Cut: "lost", Degrade: "disturbed", Hold: "held back"}
    return f"{one.touched} messages {verb[type(one.fault)]}"
