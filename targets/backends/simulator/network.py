"""The simulated network. A healthy link keeps its messages in order and delays each by a random time.

Random numbers are keyed by link and time (time_keyed.py), so leaving out one operation changes little of the rest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from random import Random
from typing import Any, NamedTuple

from checker.english import counted
from targets.backends.simulator.loop import Loop
from targets.backends.simulator.time_keyed import TimeKeyedRandom, key, number_at
from targets.protocol.fault import ByHand, Cut, Degrade, Fault, Hold, Link, MessageFault, Steer
from targets.protocol.node import Message, NodeId

MS = 1_000_000


Cause = tuple[NodeId, Message]
"""The sender of a message, and the message: the input whose handler sent another."""


class Sent(NamedTuple):
    """One message, for message diagrams. `delivered_ns` is None for one that was lost."""

    sent_ns: int
    delivered_ns: int | None
    source: NodeId
    dest: NodeId
    message: Message
    cause: Cause | None = None
    """What the sender was handling; None for clients, for timers, and where it is not known."""
    number: int = 0
    """Which of the messages on its link it is, from 1, whatever becomes of them: copies of one share it."""
    by: Fault | None = None
    """The fault that lost it, held it back (until `delivered_ns`, if it was released), delayed or repeated it."""


@dataclass(eq=False)
class Disturbance:
    """A fault on links that is in force, and how many messages it touched."""

    fault: Cut | Degrade | Hold | MessageFault | ByHand
    from_ms: float
    touched: int = 0
    to_ms: float | None = None
    on_link: Counter[_Link] = field(default_factory=Counter)
    """How many of them on each link (a MessageFault)."""


@dataclass(eq=False)
class _Link:
    loop: Loop
    name: str
    key: int
    last_ns: int = 0
    sent: int = 0
    """How many messages were sent over it."""
    faults: list[Disturbance] = field(default_factory=list)

    @cached_property
    def random(self) -> Random:
        """For what faults do to messages; most links never need it."""
        return TimeKeyedRandom(self.loop, f"{self.name} trouble")


Receiver = Callable[[NodeId, Message], None]
"""Is called with the sender and the message on arrival."""


@dataclass(slots=True)
class _Route:
    """From one name to another. A client continues under new names, so several routes may use one link."""

    source: NodeId
    dest: NodeId
    link: _Link
    receiver: Receiver


_Arrival = tuple[_Route, Message, int]
"""A message on its route, and its number on the link."""


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
        """`receiver`: by the destination, what is called on arrival. `place`: by a name, the one whose links it uses:
        a client continues under new names."""
        self._loop = loop
        self._seed = str(seed)
        self._receiver = receiver
        self._least_ns = int(delay_ms[0] * MS)
        self._spread_ns = int((delay_ms[1] - delay_ms[0]) * MS)
        self._place = place
        self._routes: defaultdict[NodeId, dict[NodeId, _Route]] = defaultdict(dict)
        self._places: dict[Link, _Link] = {}
        self._held: list[tuple[_Arrival, Sent]] = []
        self.arriving = 0
        """The number, on its link, of the message that arrived last."""
        self.disturbances: list[Disturbance] = []
        self.kinds: Counter[type[Message]] = Counter()
        """How many messages of each class were sent, in the order in which the classes first appeared."""
        self.trace: list[Sent] | None = None
        self.cause: Callable[[NodeId], Cause | None] = lambda source: None
        """In a traced run: the input that a node is handling."""

    def _route(self, source: NodeId, dest: NodeId) -> _Route:
        link = self._between((self._place(source), self._place(dest)))
        route = self._routes[source][dest] = _Route(source, dest, link, self._receiver(dest))
        return route

    def _between(self, places: Link) -> _Link:
        if places not in self._places:
            name = f"{self._seed} {places[0]} {places[1]}"
            self._places[places] = _Link(self._loop, name, key(name))
        return self._places[places]

    def redraw(self, seed: str) -> None:
        """Draw the delays of all links, and what faults do there, under another seed from now on."""
        self._seed = seed
        for places, link in self._places.items():
            link.name = f"{seed} {places[0]} {places[1]}"
            link.key = key(link.name)
            link.__dict__.pop("random", None)

    def send(self, source: NodeId, dest: NodeId, message: Message) -> None:
        """Send a message over its link, under the faults that are in force there."""
        route = self._routes[source].get(dest) or self._route(source, dest)
        link, loop = route.link, self._loop
        self.kinds[type(message)] += 1
        link.sent += 1
        # a square favours short delays and leaves a tail, like a real network, with one random number and no logarithm
        number = number_at(link.key, loop.now_ns)
        time_ns = loop.now_ns + self._least_ns + int(self._spread_ns * number * number)
        if link.faults:
            self._send_under_faults(route, message, time_ns)
            return
        if time_ns <= link.last_ns:
            time_ns = link.last_ns + 1
        link.last_ns = time_ns
        if self.trace is not None:
            self._note(time_ns, route, message, link.sent)
        loop.at(time_ns, self._arrive, (route, message, link.sent))

    def _send_under_faults(self, route: _Route, message: Message, time_ns: int) -> None:
        link = route.link
        number, random = link.sent, link.random
        times = [time_ns]
        in_order = True
        by: Fault | None = None
        for one in link.faults:
            fault = one.fault
            if isinstance(fault, Degrade):
                lost, duplicated, reordered, late = random.random(), random.random(), random.random(), random.random()
                if lost < fault.loss:
                    one.touched += 1
                    self._note(None, route, message, number, fault)
                    return
                late_ns = int(-log(1.0 - late) * fault.delay_ms * MS) if fault.delay_ms else 0
                if duplicated < fault.duplicate:
                    times.append(times[0] + int(random.random() * 20 * MS))
                if reordered < fault.reorder:
                    in_order = False
                    late_ns += int(random.random() * 30 * MS)
                times = [time + late_ns for time in times]
                if late_ns > 0 or len(times) > 1:
                    one.touched += 1
                    by = fault
            elif isinstance(fault, MessageFault):
                if fault.affects(type(message).__name__, one.on_link[link]):
                    one.on_link[link] += 1
                    one.touched += 1
                    times = [time + int(late_ms * MS) for time in times for late_ms in fault.copies_ms()]
                    in_order = in_order and fault.copies_ms()[:1] == (0.0,)
                    by = fault
                    if not times:
                        self._note(None, route, message, number, fault)
                        return
            elif isinstance(fault, Cut):
                one.touched += 1
                self._note(None, route, message, number, fault)
                return
            elif isinstance(fault, ByHand) or (
                one.touched < fault.count and fault.message in (None, type(message).__name__)
            ):
                one.touched += 1
                self._held.append(((route, message, number), self._sent(None, route, message, number, fault)))
                return
        if in_order:
            times[0] = max(times[0], link.last_ns + 1)
            link.last_ns = times[0]
        for time in times:
            self._note(time, route, message, number, by)
            self._loop.at(time, self._arrive, (route, message, number))

    def _arrive(self, arrival: _Arrival) -> None:
        route, message, self.arriving = arrival
        if not (route.link.faults and self._lost_at_the_end(arrival)):
            route.receiver(route.source, message)

    def _lost_at_the_end(self, arrival: _Arrival) -> bool:
        for one in arrival[0].link.faults:
            if isinstance(one.fault, Cut) and one.fault.under_way:
                one.touched += 1
                self._note_again(arrival, self._loop.now_ns, None, one.fault)
                return True
        return False

    def _note(
        self, delivered_ns: int | None, route: _Route, message: Message, number: int, by: Fault | None = None
    ) -> None:
        if self.trace is not None:
            self.trace.append(self._sent(delivered_ns, route, message, number, by))

    def _note_again(self, arrival: _Arrival, noted_ns: int, delivered_ns: int | None, by: Fault) -> None:
        """A message that was noted as delivered at one time arrives at another after all, or is lost (None)."""
        if self.trace is not None:
            route, _, number = arrival
            noted = (noted_ns, route.source, route.dest)
            for place, sent in enumerate(self.trace):
                if sent[1:4] == noted and sent.number == number:
                    self.trace[place] = sent._replace(delivered_ns=delivered_ns, by=by)
                    return

    def _sent(
        self, delivered_ns: int | None, route: _Route, message: Message, number: int, by: Fault | None = None
    ) -> Sent:
        now_ns, cause = self._loop.now_ns, self.cause(route.source)
        return Sent(now_ns, delivered_ns, route.source, route.dest, message, cause, number, by)

    @property
    def held_back(self) -> list[Sent]:
        """The messages that are held back now: sent, and not in the trace yet."""
        return [sent for _, sent in self._held]

    def under_way(self) -> list[tuple[int, NodeId, NodeId, Message, int]]:
        """The messages that will arrive, in order: when (ns), from and to whom, and the number on the link."""
        waiting = self._loop.waiting(self._arrive)
        return [(at_ns, route.source, route.dest, message, number) for at_ns, (route, message, number) in waiting]

    def steer(self, fault: Steer) -> bool:
        """Do something to one message. Returns whether it is under way or held back."""
        link = self._between(fault.link)
        for at_ns, arrival in self._loop.waiting(self._arrive):
            if arrival[0].link is link and arrival[2] == fault.number:
                self._steer_under_way(fault, arrival, at_ns)
                return True
        for held in self._held:
            if held[0][0].link is link and held[0][2] == fault.number:
                self._steer_held(fault, held)
                return True
        return False

    def _steer_under_way(self, fault: Steer, arrival: _Arrival, at_ns: int) -> None:
        loop, (route, message, number) = self._loop, arrival
        if fault.do == "duplicate":
            self._note(loop.now_ns, route, message, number, fault)
            loop.at(loop.now_ns, self._arrive, arrival)
            return
        if fault.do == "deliver":
            loop.withdraw(arrival)
            self._note_again(arrival, at_ns, loop.now_ns, fault)
            loop.at(loop.now_ns, self._arrive, arrival)
        elif fault.do == "drop":
            loop.withdraw(arrival)
            self._note_again(arrival, at_ns, None, fault)
        else:
            self._hold_under_way(fault, arrival, at_ns)

    def _hold_under_way(self, fault: Fault, arrival: _Arrival, at_ns: int) -> None:
        self._loop.withdraw(arrival)
        route, _, number = arrival
        noted = (at_ns, route.source, route.dest)
        trace = self.trace or []
        sent = next((one for one in trace if one[1:4] == noted and one.number == number), None)
        if sent is not None:
            trace.remove(sent)
        self._held.append((arrival, (sent or self._sent(None, *arrival))._replace(delivered_ns=None, by=fault)))

    def _steer_held(self, fault: Steer, held: tuple[_Arrival, Sent]) -> None:
        arrival, sent = held
        if fault.do == "hold":
            return
        lost = fault.do == "drop"
        if fault.do != "duplicate":
            self._held.remove(held)
        if self.trace is not None:
            self.trace.append(sent._replace(delivered_ns=None if lost else self._loop.now_ns))
        if not lost:
            self._loop.at(self._loop.now_ns, self._arrive, arrival)

    def disturb(self, fault: Cut | Degrade | Hold | MessageFault) -> None:
        """Begin a fault on links; it lasts until `heal` (a Hold: until `release`)."""
        one = Disturbance(fault, self._loop.now_ns / MS)
        self.disturbances.append(one)
        for pair in _links(fault):
            self._between(pair).faults.append(one)

    def by_hand(self, fault: ByHand, nodes: tuple[NodeId, ...]) -> None:
        """Hold back all that is sent between nodes, and what is under way between them, until it is steered."""
        one = Disturbance(fault, self._loop.now_ns / MS)
        self.disturbances.append(one)
        links = [self._between((a, b)) for a in nodes for b in nodes if a != b]
        for at_ns, arrival in self._loop.waiting(self._arrive):
            if arrival[0].link in links:
                one.touched += 1
                self._hold_under_way(fault, arrival, at_ns)
        for link in links:
            link.faults.append(one)

    def release(self) -> int:
        """Deliver the messages that are held back, now and in order; returns how many."""
        self._end(Hold)
        held, self._held = self._held, []
        for arrival, sent in held:
            if self.trace is not None:
                self.trace.append(sent._replace(delivered_ns=self._loop.now_ns))
            self._loop.at(self._loop.now_ns, self._arrive, arrival)
        return len(held)

    def heal(self) -> None:
        """End every cut and degradation, and release all messages that are held back."""
        self._end(Cut, Degrade, MessageFault, ByHand)
        self.release()

    def _end(self, *kinds: type[Fault]) -> None:
        now_ms = self._loop.now_ns / MS
        for one in self.disturbances:
            if one.to_ms is None and isinstance(one.fault, kinds):
                one.to_ms = now_ms
                for link in self._places.values():
                    if one in link.faults:
                        link.faults.remove(one)


def _links(fault: Cut | Degrade | Hold | MessageFault) -> tuple[Link, ...]:
    return (fault.link,) if isinstance(fault, Hold) else fault.links


def describe(one: Disturbance) -> str:
    """What a disturbance did, for the evidence."""
    verb: dict[type[Any], str] = {Cut: "lost", Degrade: "disturbed", Hold: "held back", ByHand: "held back"}
    did = one.fault.effect if isinstance(one.fault, MessageFault) else verb[type(one.fault)]
    return f"{counted(one.touched, 'message')} {did}"
