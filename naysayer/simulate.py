"""A simulated run: the harness core in virtual time, against a target in the simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from random import Random

from checker.errors import TargetError
from naysayer.findings import Finding
from naysayer.harness.actions import Inject, Invoke, Round, WaitUntil
from naysayer.harness.clients import ROUNDING_MS, Progress, Thread
from naysayer.harness.core import Core
from naysayer.harness.setup import Setup
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from nemesis.mix import Mix
from nemesis.schedule import Schedule
from targets.cluster import Death
from targets.fault import Evidence, Fault
from targets.node import NodeId, Reply
from targets.registry import find as find_target
from targets.simulator import SimulatedCluster
from targets.simulator.host import NodeRaisedError
from targets.simulator.network import Sent
from targets.simulator.traced import Step
from workloads.generator import Generator, Invocation
from workloads.registry import find as find_workload

STRETCHES = (1.0, 3.0, 10.0)
"""Faults come at a pace drawn from the seed: faster than an election, about as fast, much slower."""

SETTLE_MS = 1500.0
"""How long a healed cluster may take to find itself before operations are invoked again."""

RECOVERY_MS_MAX = 10_000.0
"""By then an operation must have succeeded in the recovery phase."""


def client_name(clients: int, name: NodeId) -> NodeId:
    """By the name of a process that of its client, whose links it uses; other names are their own."""
    return f"c{int(name[1:]) % clients}" if name[0] == "c" else name


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
    violated_ms: float | None = None
    """When the first invariant was found broken."""
    findings: list[Finding] = field(default_factory=list)
    """What is wrong beside the history and the invariants."""
    steps: list[Step] = field(default_factory=list)
    """Of a traced run: what inputs changed on the nodes."""
    held: dict[tuple[str, NodeId], dict[str, object]] = field(default_factory=dict)
    """Of a traced run: what a node showed when a request arrived there, by the request's id and the node."""


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
        target, workload = find_target(plan.target), find_workload(plan.workload)
        if schedule is None and plan.nemesis:
            schedule = Mix(plan.nemesis, rest=plan.rest, stretch=Random(f"{plan.seed} pace").choice(STRETCHES))
        place = partial(client_name, plan.clients)
        timeout_ms = plan.timeout_ms or target.timeout_ms
        setup = Setup(
            plan.clients,
            plan.seed,
            workload.start() if generator is None else generator,
            schedule,
            timeout_ms=timeout_ms,
            timeout_ms_max=target.timeout_ms,
            think_ms=plan.think_ms,
            operations=plan.operations,
            time_ms=None if plan.time_s is None else plan.time_s * 1000,
            least_ms=storm_ms,
            scripted=scripted,
            sessions=target.sessions,
            stay=True,
            client_links=True,
            recover=calm and until_ms is None,
            settle_ms=SETTLE_MS,
            recovery_ms_max=RECOVERY_MS_MAX,
            virtual=True,
            known_to_fit=True,
            again=workload.start if scripted else None,
            final=workload.finish,
        )
        self.plan = plan
        self.recorder = recorder
        self._cluster = SimulatedCluster(target, plan.nodes, plan.seed, trace=trace, place=place)
        self._core = Core(setup, self._cluster, recorder, progress)
        self._until_ms = until_ms
        self._until_violation = until_violation
        self._stopped = False

    def stop(self) -> None:
        """End the run as soon as possible."""
        self._stopped = True
        self._core.stop()
        self._cluster.stop()

    @property
    def asked(self) -> list[tuple[float, int, Invocation, NodeId]]:
        """Time (ms), client, operation and node of everything that was invoked."""
        return self._core.clients.asked

    def run(self) -> Run:
        """Run to the end, or until a node raises an exception (which is in `findings`). `error`: a node did not even
        start."""
        cluster, core = self._cluster, self._core
        error, raised = None, False
        try:
            cluster.start()
            started = True
        except TargetError as failure:
            error, started = str(failure), False
        if started:
            try:
                self._drive()
            except NodeRaisedError as failure:
                raised = True
                core.died(Death(failure.node, failure.how, raised=True), cluster.now_ns)
            except TargetError as failure:
                error = str(failure)
        return Run(
            self.recorder,
            cluster.evidence(),
            cluster.violations,
            core.live,
            cluster.events,
            cluster.now_ms,
            core.faults_end_ms or cluster.now_ms,
            error,
            self._stopped,
            {} if error or raised else dict(cluster.views()),
            None if cluster.trace is None else [*cluster.trace, *cluster.held_back],
            cluster.violated_ms,
            core.health.findings,
            cluster.steps,
            cluster.held,
        )

    def _drive(self) -> None:
        """Carry out what the core says, until it has nothing more to say."""
        cluster, core = self._cluster, self._core
        while (action := core.next(cluster.now_ns)) is not None:
            if isinstance(action, Round):
                for thread in action.threads:
                    thread.wake, thread.answered = partial(self._ask, thread), partial(self._answered, thread)
                    cluster.at(thread.wakes_ms, thread.wake)
                if action.faults:
                    cluster.at(0.0, self._nemesis)
                self._go(action.until_ms, idle_too=True)
            elif isinstance(action, WaitUntil):
                self._go(action.at_ms)
            elif isinstance(action, Inject):
                self._apply(action.fault)
                # what is due now happens before the next, as it does where a script injects two faults at once
                self._go(cluster.now_ms + ROUNDING_MS)

    def _go(self, until_ms: float | None, *, idle_too: bool = False) -> None:
        """Let time pass; with `idle_too` only as long as a client goes on, and no broken invariant is to end it."""
        cluster = self._cluster
        limits = [ms for ms in (until_ms, self._until_ms) if ms is not None]
        broken = (lambda: bool(cluster.violations)) if idle_too and self._until_violation else None
        again = not self._stopped and (not idle_too or not self._core.round_over)
        while again:
            stopped = cluster.run(until=broken, until_ms=min(limits) if limits else None)
            again = stopped and not idle_too and not self._stopped

    # clients

    def _ask(self, thread: Thread) -> None:
        cluster = self._cluster
        action = self._core.ask(thread, cluster.now_ns)
        if isinstance(action, Invoke):
            cluster.invoke(action.request, action.node, action.timeout_ms, thread.answered)
        elif action is not None:
            cluster.at(action.at_ms, thread.wake)
        elif self._core.round_over:
            cluster.stop()

    def _answered(self, thread: Thread, reply: Reply | None) -> None:
        cluster = self._cluster
        action = self._core.completed(thread, reply, cluster.now_ns)
        if isinstance(action, WaitUntil):
            cluster.at(action.at_ms, thread.wake)
        else:
            cluster.invoke(action.request, action.node, action.timeout_ms, thread.answered)

    # the nemesis

    def _nemesis(self) -> None:
        cluster = self._cluster
        action = self._core.fault(cluster.now_ns, cluster.views, still=self._core.look is not None and cluster.still)
        if isinstance(action, WaitUntil):
            cluster.at(action.at_ms, self._nemesis)
        elif action is not None and action.at_ms > cluster.now_ms:
            cluster.at(action.at_ms + ROUNDING_MS, partial(self._inject, action.fault))
        elif action is not None:
            self._inject(action.fault)

    def _inject(self, fault: Fault) -> None:
        if self._core.in_fault_phase:
            self._apply(fault)
            self._cluster.at(self._cluster.now_ms, self._nemesis)

    def _apply(self, fault: Fault) -> None:
        self._cluster.apply(fault)
        self._core.injected(fault, self._cluster.now_ns)
