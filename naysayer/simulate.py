"""The simulated driver: clients and nemesis of a plan, in virtual time, against a target in the simulator.

After the storm everything is healed, and the clients go on for a while in the calm: a target whose operations do not
succeed again then is reported as not live. The workload's last round (final reads) comes at the very end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import NamedTuple

from checker.errors import TargetError
from checker.history import Operation
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.routing import Routing
from nemesis.mix import Mix
from nemesis.schedule import Look, Schedule, Situation
from targets.fault import Corrupt, Evidence, Fault, Heal, Restart, Resume, Skew
from targets.node import NodeId, Reply, Request
from targets.registry import find as find_target
from targets.simulator import SimulatedCluster
from targets.simulator.draws import SLOT_BITS
from targets.simulator.network import Sent
from workloads.generator import Generator, Invocation, Moment, Wait
from workloads.registry import find as find_workload

ATTEMPTS = 3
"""How often a client asks, with the same request id, a target that promises to execute a request once."""

REFUSED_MS = 40.0
"""Mean pause after a refusal, so that operations are not all spent on a cluster without a leader."""

STRETCHES = (1.0, 3.0, 10.0)
"""Faults come at a pace drawn from the seed: faster than an election, about as fast, much slower."""

SETTLE_MS = 1500.0
"""How long a healed cluster may take to find itself before the calm operations are asked."""

ROUNDING_MS = 4e-7
"""Less than a nanosecond: times that were recorded in ms become the same nanoseconds again."""

NEXT_MS = 1.5e-6
"""Gets virtual time to the next nanosecond at least."""

CALM_MS_MAX = 10_000.0
"""By then an operation must have succeeded in the calm."""

Progress = Callable[[int], None]


def _mix(plan: Plan) -> Mix:
    return Mix(plan.nemesis, stretch=Random(f"{plan.seed} pace").choice(STRETCHES))


@dataclass
class Run:
    """What a simulated run left: the recorder has the history."""

    recorder: Recorder
    evidence: list[Evidence]
    violations: list[str]
    live: bool
    events: int
    virtual_ms: float
    storm_ms: float
    """When the healing began."""
    error: str | None = None
    interrupted: bool = False
    views: dict[NodeId, dict[str, object]] = field(default_factory=dict)
    trace: list[Sent] | None = None


class _Call(NamedTuple):
    """An operation of a client that is under way, at the node that was asked first."""

    client: int
    process: int
    asked: Invocation
    node: NodeId
    request: Request
    attempts: int


class Simulation:
    """One run of a plan. `stop()` (from a signal handler) ends it at the next event, with what was recorded."""

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        *,
        schedule: Schedule | None = None,
        generator: Generator | None = None,
        progress: Progress | None = None,
        trace: bool = False,
        until_ms: float | None = None,
        scripted: bool = False,
        calm: bool = True,
        storm_ms: float = 0.0,
        until_violation: bool = False,
    ) -> None:
        """`scripted`: generator and schedule say when everything happens. `calm`: heal all at the end, and go on.
        `storm_ms`: not before this. `until_violation`: a broken invariant ends the run."""
        self.plan = plan
        self.recorder = recorder
        self._target = find_target(plan.target)
        self._workload = find_workload(plan.workload)
        self._places: dict[NodeId, NodeId] = {}
        """By name of a process, the name of its client: the network knows clients."""
        self._cluster = SimulatedCluster(self._target, plan.nodes, plan.seed, trace=trace, place=self._place)
        self._generator = self._workload.start() if generator is None else generator
        self._schedule: Schedule = _mix(plan) if schedule is None else schedule
        self._progress = progress
        self._until_ms = until_ms
        self._scripted = scripted
        self._with_calm = calm
        self._storm_ms = storm_ms
        self._until_violation = until_violation
        self.asked: list[tuple[float, int, Invocation, NodeId]] = []
        """Time (ms), client, operation and node of everything that was invoked."""
        self._random = [Random(f"{plan.seed} client {i}") for i in range(plan.clients)]
        self._nemesis_random = Random(f"{plan.seed} nemesis")
        self._routing = Routing(self._cluster.nodes, stay=True)
        self._free = list(range(plan.clients))
        """By client, the process that it goes on as; -1 while it waits for an answer."""
        self._requests = 0
        self._busy = 0
        self._left = plan.operations
        self._storm = True
        self._stopped = False
        self._calm_ok = 0

    def stop(self) -> None:
        """End the run as soon as possible."""
        self._stopped = True

    def run(self) -> Run:
        """Run to the end. What the target did wrong beyond the protocol (an exception) is in `error`."""
        cluster, plan = self._cluster, self.plan
        error = None
        storm_ms = 0.0
        live = True
        try:
            cluster.start()
            for client in range(plan.clients):
                self._later(client, client)
            if plan.nemesis or not isinstance(self._schedule, Mix):
                cluster.at(0.0, self._nemesis)
            limit_ms = None if plan.time_s is None else plan.time_s * 1000
            self._go(self._idle, limit_ms)
            if cluster.now_ms < self._storm_ms:
                self._go(lambda: self._stopped, self._storm_ms)
            storm_ms = cluster.now_ms
            self._storm = False
            if not self._stopped and self._until_ms is None and self._with_calm:
                live = self._calm()
        except TargetError as failure:
            error = str(failure)
        return Run(
            self.recorder,
            cluster.evidence(),
            cluster.violations,
            live,
            cluster.events,
            cluster.now_ms,
            storm_ms or cluster.now_ms,
            error,
            self._stopped,
            {} if error else dict(cluster.views()),
            cluster.trace,
        )

    def _go(self, until: Callable[[], bool], until_ms: float | None) -> None:
        limits = [ms for ms in (until_ms, self._until_ms) if ms is not None]
        self._cluster.run(until=until, until_ms=min(limits) if limits else None)

    def _idle(self) -> bool:
        return self._stopped or self._busy == 0 or (self._until_violation and bool(self._cluster.violations))

    # clients

    def _place(self, name: NodeId) -> NodeId:
        return self._places.get(name, name)

    def _later(self, client: int, process: int, mean_ms: float | None = None) -> None:
        self._busy += 1
        pause = 0.0 if self._scripted else self._random[client].expovariate(1.0) * (mean_ms or self.plan.think_ms)
        self._cluster.at(self._cluster.now_ms + pause, partial(self._ask, client, process))

    def _over(self) -> bool:
        if self._stopped or self._left == 0:
            return True
        time_s = self.plan.time_s
        return self._storm and time_s is not None and self._cluster.now_ms >= time_s * 1000

    def _ask(self, client: int, process: int) -> None:
        self._busy -= 1
        if self._over():
            return
        moment = Moment(self._cluster.now_ms, client, self.plan.clients, self._random[client])
        asked, self._generator = self._generator.next(moment)
        if asked is None:
            return
        if isinstance(asked, Wait):
            self._busy += 1
            pause = max(asked.ms + ROUNDING_MS, NEXT_MS) if self._scripted else max(0.1, asked.ms)
            self._cluster.at(self._cluster.now_ms + pause, partial(self._ask, client, process))
            return
        if self._left is not None:
            self._left -= 1
        self._invoke(client, process, asked)

    def _invoke(self, client: int, process: int, asked: Invocation) -> None:
        node = self._routing.choose(client, asked, self._random[client])
        self._places[f"c{process}"] = f"c{client}"
        self._free[client] = -1
        self._requests += 1
        self._busy += 1
        request = Request(f"r{self._requests}", f"c{process}", asked.f, asked.key, asked.input)
        self.recorder.invoked(process, asked, node, self._cluster.now_ns)
        self.asked.append((self._cluster.now_ms, client, asked, node))
        # every other client asks again when no answer comes, as libraries do
        attempts = ATTEMPTS if self._target.sessions and client % 2 == 1 else 1
        self._try(_Call(client, process, asked, node, request, attempts), node, attempts)

    def _try(self, call: _Call, to: NodeId, left: int) -> None:
        timeout_ms = self.plan.timeout_ms or self._target.timeout_ms
        self._cluster.invoke(call.request, to, timeout_ms / call.attempts, partial(self._answered, call, left))

    def _answered(self, call: _Call, left: int, reply: Reply | None) -> None:
        if reply is None and left > 1:
            # drawn by the time, so that a script of this run draws the same
            moment = f"{self.plan.seed} c{call.client} {self._cluster.now_ns >> SLOT_BITS}"
            self._try(call, Random(moment).choice(self._cluster.nodes), left - 1)
        elif reply is not None and reply.status == "fail" and left < call.attempts:
            self._done(call, None)  # this node did not do it, but one that was asked before may have
        else:
            self._done(call, reply)

    def _done(self, call: _Call, reply: Reply | None) -> None:
        self._busy -= 1
        status = "info" if reply is None else reply.status
        error = "timeout" if reply is None else reply.error
        output = None if reply is None else reply.output
        operation = self.recorder.completed(call.process, call.asked, status, output, error, self._cluster.now_ns)
        self._completed(call.client, call.process, call.node, reply, operation)

    def _completed(self, client: int, process: int, node: NodeId, reply: Reply | None, operation: Operation) -> None:
        self._generator = self._generator.observe(operation)
        self._calm_ok += operation.status == "ok" and not self._storm
        refused = self._routing.learn(client, node, operation, None if reply is None else reply.leader)
        if self._progress is not None:
            self._progress(self.recorder.invocations)
        # after info nobody knows whether it still happens: the client goes on as a new process
        following = process + self.plan.clients if operation.status == "info" else process
        self._free[client] = following
        self._later(client, following, max(REFUSED_MS, self.plan.think_ms) if refused else None)

    # nemesis

    def _nemesis(self) -> None:
        if not self._storm or self._over():
            return
        cluster, plan = self._cluster, self.plan
        situation = Situation(
            cluster.now_ms,
            cluster.nodes,
            self._nemesis_random,
            cluster.down,
            cluster.paused,
            cluster.views,
            tuple(f"c{client}" for client in range(plan.clients)),
            self._target.sessions,
        )
        step, self._schedule = self._schedule.next(situation)
        if step is None:
            return
        if isinstance(step, Look):
            # a little later than asked: virtual time counts whole nanoseconds, and must get past the moment
            cluster.at(max(step.at_ms, cluster.now_ms) + 0.001, self._nemesis)
            return
        if step.at_ms > cluster.now_ms:
            cluster.at(step.at_ms + ROUNDING_MS, partial(self._strike, step.fault))
        else:
            self._strike(step.fault)

    def _strike(self, fault: object) -> None:
        if not self._storm:
            return
        self._apply(fault)
        self._cluster.at(self._cluster.now_ms, self._nemesis)

    def _apply(self, fault: object) -> None:
        self._cluster.apply(fault)  # type: ignore[arg-type]
        self.recorder.happened(fault, self._cluster.now_ns)  # type: ignore[arg-type]

    # the calm

    def _next_process(self, client: int, fresh: int) -> int:
        """The process that a client goes on as; one from `fresh` on if it still waits for an answer."""
        return self._free[client] if self._free[client] >= 0 else fresh + client

    def _ends(self) -> Iterator[Fault]:
        """What ends all faults: links first, then clocks and disks, then what is paused, then what is down."""
        cluster, struck = self._cluster, [fault for _, fault in self.recorder.nemesis]
        yield Heal()
        for node in cluster.nodes:
            if any(isinstance(fault, Skew) and fault.node == node for fault in struck):
                yield Skew(node)
        for fault in struck:
            if isinstance(fault, Corrupt) and fault.kind in ("full", "fsync-error") and not fault.undo:
                yield Corrupt(fault.node, fault.kind, undo=True)
        if cluster.paused:
            yield Resume(tuple(sorted(cluster.paused)))
        if cluster.down:
            yield Restart(tuple(sorted(cluster.down)))

    def _calm(self) -> bool:
        """Heal everything, let operations run again, then the last round. False if none succeeded."""
        cluster = self._cluster
        if self._scripted:
            self._scripted, self._generator = False, self._workload.start()
        for fault in self._ends():
            self._apply(fault)
            # what is due now happens before the next, as it does where a script strikes twice at once
            self._go(lambda: self._stopped, cluster.now_ms + ROUNDING_MS)
        self._go(lambda: self._stopped, cluster.now_ms + SETTLE_MS)
        self._left = 2 * self.plan.clients
        before = cluster.now_ms
        for client in range(self.plan.clients):
            self._later(client, self._next_process(client, 1_000_000))
        self._go(self._idle, before + CALM_MS_MAX)
        nothing_to_ask = self._left == 2 * self.plan.clients
        if self._workload.finish is not None and not self._stopped:
            self._generator, self._left = self._workload.finish(), None
            for client in range(self.plan.clients):
                self._later(client, self._next_process(client, 2_000_000))
            self._go(self._idle, cluster.now_ms + CALM_MS_MAX)
        # also a read of the last round is a sign of life: what may be written once refuses all that comes later
        return nothing_to_ask or self._calm_ok > 0
