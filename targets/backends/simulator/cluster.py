"""A target in the simulator: nodes, network, clients, faults, and the evidence that they took effect."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from checker.errors import HarnessError
from targets.backends.simulator.calls import Calls, Done, Reset
from targets.backends.simulator.coverage import Coverage
from targets.backends.simulator.host import DOWN, Host, Surroundings
from targets.backends.simulator.loop import Loop
from targets.backends.simulator.network import MS, Cause, Network, Receiver, Sent, describe
from targets.backends.simulator.time_keyed import TimeKeyedRandom
from targets.backends.simulator.traced import Record, TracedHost
from targets.backends.simulator.watch import Watch
from targets.protocol.fault import (
    ByHand,
    Corrupt,
    Cut,
    Degrade,
    Evidence,
    Fault,
    Fire,
    Heal,
    Hold,
    Kill,
    MessageFault,
    Pause,
    Reconfigure,
    Redraw,
    Release,
    Restart,
    Resume,
    Skew,
    Steer,
    Transfer,
)
from targets.protocol.fault_messages import MESSAGE_FAULTS
from targets.protocol.node import Node, NodeId, Reply, Request
from targets.protocol.target import Target

DELAY_MS = (0.5, 10.0)
"""The least and the greatest delay of a healthy link; most messages take 1 to 4 ms."""


def _call(callback: Callable[[], None]) -> None:
    callback()


class SimulatedCluster:
    """One run of one target. Everything happens inside `run`, in virtual time; the driver adds its own events by `at`.

    Raises TargetError out of `run` when a node's handler raises: that is a bug of the target, not a verdict.
    """

    faults = frozenset(
        {
            "kill",
            "power",
            "restart",
            "pause",
            "resume",
            "cut",
            "degrade",
            "lose",
            "shape",
            "repeat",
            "client-links",
            "leader",
            "views",
            "hold",
            "release",
            "heal",
            *MESSAGE_FAULTS,
            "skew",
            "corrupt",
            "reconfigure",
            "transfer",
            "redraw",
            "steer",
            "by-hand",
            "fire",
        }
    )

    def __init__(
        self,
        target: Target,
        nodes: int,
        seed: int,
        *,
        delay_ms: tuple[float, float] = DELAY_MS,
        trace: bool = False,
        cover: bool = False,
        place: Callable[[NodeId], NodeId] = str,
    ) -> None:
        """`delay_ms`: the least and the greatest delay of a healthy link. `place`: by the name of a client, the one
        whose links it uses; faults on clients' links use those names. `cover`: note the states that it reaches."""
        self.target = target
        self.nodes: tuple[NodeId, ...] = tuple(f"n{i + 1}" for i in range(nodes))
        self._loop = Loop()
        self._network = Network(self._loop, seed, self._receiver, delay_ms, place)
        self._calls = Calls(self._loop, self._network, self._timed_out)
        self._watch = Watch(self._loop, target)
        self._random = TimeKeyedRandom(self._loop, f"{seed} cluster")
        self._seed = str(seed)
        self._running: dict[NodeId, Node] = {}
        self.coverage = Coverage(self._loop, self.nodes, self._running) if cover else None
        """The states that were reached, if asked for."""
        shared = Surroundings(
            self.nodes, target, self._loop, seed, self._network.send, self._running, self._watch, self.coverage
        )
        self._hosts = {name: self._host(name, shared, trace) for name in self.nodes}
        self.record = Record()
        """Of a traced run: what happened on the nodes."""
        self.steps, self.held = self.record.steps, self.record.held
        if trace:
            self._note_causes()
        self._evidence: list[Evidence] = []
        self._awaiting: list[tuple[Kill, NodeId, float]] = []
        self._admin = 0

    def _host(self, name: NodeId, shared: Surroundings, trace: bool) -> Host:
        return TracedHost(name, shared) if trace else Host(name, shared)

    def _note_causes(self) -> None:
        self._network.trace = []
        self._network.cause = self._handled_by
        for host in self._hosts.values():
            if isinstance(host, TracedHost):
                host.record = self.record

    def _handled_by(self, name: NodeId) -> Cause | None:
        return getattr(self._hosts.get(name), "handling", None)

    @property
    def loop(self) -> Loop:
        """Its events."""
        return self._loop

    @property
    def now_ns(self) -> int:
        """Virtual time since the start."""
        return self._loop.now_ns

    @property
    def now_ms(self) -> float:
        return self._loop.now_ns / MS

    @property
    def events(self) -> int:
        """Events processed so far: deliveries, timers, syncs, and the driver's own."""
        return self._loop.events

    @property
    def violations(self) -> list[str]:
        """Violations of invariants, oldest first."""
        return self._watch.violations

    @property
    def violated_ms(self) -> float | None:
        """When the first invariant was violated; None if all hold."""
        return None if self._watch.first_ns is None else self._watch.first_ns / MS

    @property
    def trace(self) -> list[Sent] | None:
        """Every message sent, if asked for. One that is held back is added when it is released."""
        return self._network.trace

    @property
    def held_back(self) -> list[Sent]:
        """The messages that are held back at this time."""
        return self._network.held_back

    @property
    def down(self) -> frozenset[NodeId]:
        return frozenset(self._hosts.keys() - self._running.keys())

    @property
    def paused(self) -> frozenset[NodeId]:
        return frozenset([name for name, host in self._hosts.items() if host.paused])

    @property
    def keeping_files(self) -> frozenset[NodeId]:
        """The nodes on whose disks a file is."""
        return frozenset([name for name, host in self._hosts.items() if host.disk.names()])

    @property
    def message_kinds(self) -> dict[str, int]:
        sent = self._network.kinds.items()
        return {kind.__name__: count for kind, count in sent if not issubclass(kind, Request | Reply | Reset)}

    def start(self) -> None:
        """Start all nodes."""
        for host in self._hosts.values():
            host.start()

    def crashed(self, node: NodeId) -> None:
        """A node raised an exception: it does not run any more."""
        self._hosts[node].kill(power=False, torn=False)

    def at(self, ms: float, callback: Callable[[], None]) -> None:
        """Call back at a virtual time; at once, after what is due already, if it has passed."""
        self._loop.at(max(int(ms * MS), self._loop.now_ns), _call, callback)

    def after(self, ms: float, callback: Callable[[], None]) -> None:
        """Call back when so much virtual time has passed."""
        self.at(self._loop.now_ns / MS + ms, callback)

    def run(
        self,
        until: Callable[[], bool] | None = None,
        until_ms: float | None = None,
    ) -> bool:
        """Let virtual time pass until the first of the given ends, until `stop`, or until no event is left.

        Returns whether `stop` ended it.
        """
        return self._loop.run(until, None if until_ms is None else int(until_ms * MS))

    def stop(self) -> None:
        """End `run` after the current event; if none is running, end the next `run` at once."""
        self._loop.stop()

    # clients

    def invoke(self, request: Request, node: NodeId, timeout_ms: float, done: Done) -> None:
        """Send a client's request to a node; `done` is called once: with its reply, or with None if none will come."""
        self._calls.invoke(request, node, timeout_ms, done)

    def _receiver(self, name: NodeId) -> Receiver:
        """What is called with messages to a name: a node's, or else a client's."""
        host = self._hosts.get(name)
        if host is None:
            return self._calls.receive
        return partial(self._calls.connected, host) if len(self.nodes) == 1 else host.receive

    def _timed_out(self, request: Request) -> None:
        """A client has given up."""

    # what can be observed from outside

    def views(self) -> dict[NodeId, dict[str, Any]]:
        """The view of each running node."""
        views = [(name, host.view()) for name, host in self._hosts.items()]
        return {name: view for name, view in views if view is not DOWN}

    @property
    def still(self) -> bool:
        """Whether nothing has happened on any node since `views` was called."""
        return not [host for host in self._hosts.values() if not host.still]

    # faults

    def apply(self, fault: Fault) -> None:
        """Carry out one fault now. Raises HarnessError for one that the simulator cannot carry out."""
        match fault:
            case Kill():
                for name in fault.nodes:
                    self._kill(fault, name)
            case Restart():
                for name in fault.nodes:
                    self._hosts[name].die_after = None  # a death that has not happened yet is cancelled
                    if self._hosts[name].node is None:
                        if len(self.nodes) == 1:
                            self._calls.reset_connections(name)
                        self._hosts[name].start()
                        self._note(fault, f"{name} runs again")
            case Pause():
                for name in fault.nodes:
                    runs = self._hosts[name].node is not None
                    self._hosts[name].paused = runs
                    self._note(fault, f"{name} {'is paused' if runs else 'was down'}", shown=runs)
            case Resume():
                for name in fault.nodes:
                    host = self._hosts[name]
                    self._note(fault, f"{name}: {host.waiting} inputs had waited", shown=host.paused)
                    host.resume()
            case Cut() | Degrade() | Hold() | MessageFault():
                self._network.disturb(fault)
            case Release():
                self._note(fault, f"{self._network.release()} messages released")
            case Heal():
                self._network.heal()
                for host in self._hosts.values():
                    host.die_after = None  # a death that has not happened yet must not happen after the faults
                    host.by_hand(False)
            case ByHand():
                self._network.by_hand(fault, self.nodes)
                for host in self._hosts.values():
                    host.by_hand(True)
            case Skew():
                host = self._hosts[fault.node]
                host.skew(fault.offset_ms, fault.rate)
                self._note(fault, f"{fault.node}'s clock shows {host.clock_ms():.1f} ms at {self.now_ms:.1f} ms")
            case Corrupt():
                self._corrupt(fault)
            case Reconfigure():
                self._administer(fault, "reconfigure", fault.nodes)
            case Redraw():
                self._redraw(fault)
            case Steer():
                found = self._network.steer(fault)
                self._note(fault, fault.label() if found else "no such message is under way or held back", shown=found)
            case Fire():
                found = self._hosts[fault.node].fire(fault.timer)
                self._note(fault, fault.label() if found else "no such timer is set", shown=found)
            case Transfer():
                self._administer(fault, "transfer", fault.to)
            case _:
                raise HarnessError(f"the simulator cannot carry out the fault {fault}")

    def _kill(self, fault: Kill, name: NodeId) -> None:
        host = self._hosts[name]
        if host.node is None:
            self._note(fault, f"{name} was down already", shown=False)
        elif fault.effects is None:
            self._note(fault, f"{name}: {host.kill(power=fault.power, torn=fault.torn)}")
        else:
            host.die_after = fault.effects
            host.power_with_it = (fault.power, fault.torn)
            self._awaiting.append((fault, name, self.now_ms))

    def _corrupt(self, fault: Corrupt) -> None:
        disk = self._hosts[fault.node].disk
        if fault.kind == "full":
            disk.full = not fault.undo
            self._note(fault, f"{fault.node}'s disk is {'full' if disk.full else 'no longer full'}")
        elif fault.kind == "fsync-error":
            disk.fail_next_sync = not fault.undo
            self._note(fault, f"the next fsync of {fault.node} fails" if not fault.undo else "fsync works again")
        elif fault.kind == "bit-flip":
            found = disk.flip(self._random)
            self._note(fault, found or "nothing is stored yet", shown=found is not None)
        else:
            raise HarnessError("a torn write needs a power loss: Kill(power=True, torn=True)")

    def _redraw(self, fault: Redraw) -> None:
        seed = f"{self._seed} {fault.salt}"
        self._seed = seed
        self._network.redraw(seed)
        self._random.rekey(f"{seed} cluster")
        for host in self._hosts.values():
            host.redraw(seed)
        self._note(fault, "from here on")

    def _administer(self, fault: Fault, f: str, given: Any) -> None:
        """Ask every running node by its own client protocol; only a leader carries it out."""
        for name, host in self._hosts.items():
            if host.node is not None and not host.paused:
                self._admin += 1
                request = Request(f"admin-{self._admin}", "admin", f, None, given)
                self.invoke(request, name, 1000.0, self._administered(fault, name))

    def _administered(self, fault: Fault, name: NodeId) -> Done:
        def done(reply: Reply | None) -> None:
            if reply is not None and reply.status == "ok":
                self._note(fault, f"{name} carried it out")

        return done

    def _note(self, fault: Fault, detail: str, *, shown: bool = True) -> None:
        self._evidence.append(Evidence(fault, self.now_ms, None, shown, detail))

    def evidence(self) -> list[Evidence]:
        """The evidence of each fault, up to now."""
        found = list(self._evidence)
        for number, (fault, name, from_ms) in enumerate(self._awaiting):
            # the next such fault on the same node replaces this one
            later = [ms for _, other, ms in self._awaiting[number + 1 :] if other == name]
            to_ms = min(later, default=self.now_ms)
            deaths = [why for ns, why in self._hosts[name].deaths if from_ms * MS <= ns <= to_ms * MS]
            found.append(Evidence(fault, from_ms, None, bool(deaths), f"{name}: {[*deaths, 'has not died of it'][0]}"))
        for one in self._network.disturbances:
            found.append(Evidence(one.fault, one.from_ms, one.to_ms, one.touched > 0, describe(one)))
        return sorted(found, key=lambda one: one.from_ms)
