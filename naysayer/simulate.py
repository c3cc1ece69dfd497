"""A simulated run of a plan, and what it left."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from math import inf
from random import Random

from checker.errors import TargetError
from naysayer.findings import Finding
from naysayer.harness.clients import Progress
from naysayer.harness.core import Core
from naysayer.harness.setup import Setup
from naysayer.plan import Plan, workload_of
from naysayer.recorder import Recorder
from naysayer.virtual import VirtualRun
from nemesis.decided import Decided
from nemesis.deck import QUIET_MS, Deck
from nemesis.mix import Mix, rest_for
from nemesis.named import schedule_of
from nemesis.schedule import Schedule
from targets.backends.simulator import SimulatedCluster
from targets.backends.simulator.network import Sent
from targets.backends.simulator.observed import Observe, ObservedCluster
from targets.backends.simulator.traced import Record, Step
from targets.backends.stdio.protocol import not_supported
from targets.protocol.fault import Evidence
from targets.protocol.node import NodeId
from targets.registry import find as find_target
from workloads.generator import Generator, Invocation

STRETCHES = (1.0, 3.0, 10.0)
"""Faults come at a pace drawn from the seed: faster than an election, about as fast, much slower."""

FIRST_PROCESS_MS = 2000.0
"""When the first process fault of a deck comes; most runs end after ten seconds of virtual time."""

RECOVERY_PAUSE_MS = 1500.0
"""How long a healed cluster may take to find itself before operations are invoked again."""

PROGRESS_TIMEOUTS = 3.0
"""Of the target's time-outs: within so long a majority that nothing hinders must get something done."""

RECOVERY_MS_MAX = 10_000.0
"""By then an operation must have succeeded in the recovery phase."""


def client_name(clients: int, name: NodeId) -> NodeId:
    """By the name of a process that of its client, whose links it uses; names of nodes are their own."""
    if name[0] == "x":
        return f"c{name[1:]}"
    return f"c{int(name[1:]) % clients}" if name[0] == "c" else name


def further_client(number: int) -> NodeId:
    """The name of the only process of a client that is none of the plan's: it was added to a run."""
    return f"x{number}"


@dataclass
class Run:
    """What a simulated run left: the recorder has the history."""

    recorder: Recorder
    evidence: list[Evidence]
    violations: list[str]
    live: bool
    events: int
    virtual_ms: float
    fault_phase_ms: float
    """When the faults were undone."""
    error: str | None = None
    interrupted: bool = False
    views: dict[NodeId, dict[str, object]] = field(default_factory=dict)
    trace: list[Sent] | None = None
    violated_ms: float | None = None
    """When the first invariant was found broken."""
    findings: list[Finding] = field(default_factory=list)
    """What is wrong beside the history and the invariants."""
    states: set[int] = field(default_factory=set)
    """Of a run with coverage: the abstract states that were reached."""
    steps: list[Step] = field(default_factory=list)
    """Of a traced run: what inputs changed on the nodes."""
    held: dict[tuple[str, NodeId], dict[str, object]] = field(default_factory=dict)
    """Of a traced run: what a node showed when a request arrived there, by the request's id and the node."""
    record: Record = field(default_factory=Record)
    """Of a traced run: more of what happened on the nodes."""


@dataclass(frozen=True)
class Script:
    """Says when everything happens, in place of the plan."""

    generator: Generator
    schedule: Schedule
    recovers: bool = False
    """At the end all faults are undone, and operations go on."""
    end_ms: float = 0.0
    """The end is not before this."""
    progress_ms: float | None = None
    """A majority must make progress up to this time; None: to the end."""


@dataclass(frozen=True)
class Probe:
    """What a run is to show: its messages if `trace`, and no more than happens up to `until_ms`, or, with
    `until_violation`, up to a broken invariant."""

    trace: bool = False
    until_ms: float | None = None
    until_violation: bool = False
    cover: bool = False
    """Note the abstract states that the cluster reaches."""
    observe: Observe | None = None
    """Is called after every event of the cluster, with its trace."""


class Simulation:
    """One run of a plan. `stop()` (from a signal handler) ends it at the next event, with what was recorded."""

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        *,
        schedule: Schedule | None = None,
        script: Script | None = None,
        progress: Progress | None = None,
        probe: Probe = Probe(),
    ) -> None:
        """`schedule`: the faults, in place of those that the plan names."""
        target, workload = find_target(plan.target), workload_of(plan)
        if script is not None:
            schedule = script.schedule
        interval_s = plan.nemesis_interval_s
        schedule = schedule or schedule_of(plan.nemesis)
        if schedule is None and plan.deck:
            quiet_ms = QUIET_MS if interval_s is None else interval_s * 1000
            schedule = Deck(plan.nemesis, quiet_ms=quiet_ms, process_ms=FIRST_PROCESS_MS)
        elif schedule is None and plan.nemesis:
            stretch = Random(f"{plan.seed} pace").choice(STRETCHES)
            rest = plan.rest if interval_s is None else rest_for(interval_s, stretch)
            schedule = Mix(plan.nemesis, rest=rest, stretch=stretch)
        if script is None and plan.decisions:
            schedule = Decided(schedule or Mix(()), plan.decisions)
        place = partial(client_name, plan.clients)
        self.timeout_ms = timeout_ms = plan.timeout_ms or target.timeout_ms
        setup = Setup(
            plan.clients,
            plan.seed,
            workload.start() if script is None else script.generator,
            schedule,
            timeout_ms=timeout_ms,
            timeout_ms_max=target.timeout_ms,
            think_ms=plan.think_ms,
            operations=plan.operations,
            time_ms=None if plan.time_s is None else plan.time_s * 1000,
            least_ms=0.0 if script is None else script.end_ms,
            scripted=script is not None,
            sessions=target.sessions,
            stay=True,
            only_reads=workload.only_reads,
            client_links=True,
            recover=script is None or script.recovers,
            progress_ms=PROGRESS_TIMEOUTS * target.timeout_ms,
            progress_until_ms=inf if script is None or script.progress_ms is None else script.progress_ms,
            recovery_pause_ms=RECOVERY_PAUSE_MS,
            recovery_ms_max=RECOVERY_MS_MAX,
            virtual=True,
            known_to_fit=not target.foreign,
            unsupported=not_supported if target.foreign else None,
            again=None if script is None else workload.start,
            final=workload.finish,
        )
        self.plan = plan
        self.recorder = recorder
        make = SimulatedCluster if probe.observe is None else partial(ObservedCluster, observe=probe.observe)
        self._cluster = make(target, plan.nodes, plan.seed, trace=probe.trace, cover=probe.cover, place=place)
        self._loop = VirtualRun(
            self._cluster,
            setup,
            recorder,
            progress=progress,
            until_ms=probe.until_ms,
            until_violation=probe.until_violation,
        )

    def stop(self) -> None:
        """End the run as soon as possible."""
        self._loop.stop()

    @property
    def cluster(self) -> SimulatedCluster:
        """What it runs on."""
        return self._cluster

    @property
    def core(self) -> Core:
        """What decides what happens in it."""
        return self._loop.core

    @property
    def asked(self) -> list[tuple[float, int, Invocation, NodeId]]:
        """Time (ms), client, operation and node of everything that was invoked."""
        return self._loop.asked

    def run(self) -> Run:
        """Run to the end, or until a node raises an exception (which is in `findings`). `error`: it broke the
        protocol."""
        cluster, core = self._cluster, self._loop.core
        error = None
        views: dict[NodeId, dict[str, object]] = {}
        try:
            with _near_the_host(cluster):
                self._loop.run()
                views = dict(cluster.views())
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
            self._loop.stopped,
            views,
            None if cluster.trace is None else [*cluster.trace, *cluster.held_back],
            cluster.violated_ms,
            core.health.findings,
            set() if cluster.coverage is None else cluster.coverage.states,
            cluster.steps,
            cluster.held,
            cluster.record,
        )


def _near_the_host(cluster: SimulatedCluster) -> AbstractContextManager[None]:
    """Where the nodes are those of a user's program: on the core of its process."""
    if not cluster.target.foreign:
        return nullcontext()
    from targets.backends.host.process import on_one_core

    return on_one_core()
