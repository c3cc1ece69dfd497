"""A simulated run: clients and nemesis of a plan, in virtual time, against a target in the simulator.

After the storm everything is healed, and the clients go on for a while in the calm: a target whose operations do not
succeed again then is reported as not live. The workload's last round (final reads) comes at the very end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

from checker.errors import TargetError
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.simulated_clients import ROUNDING_MS, Clients, Progress, client_name
from nemesis.mix import Mix
from nemesis.schedule import Look, Schedule, Situation
from targets.fault import Corrupt, Evidence, Fault, Heal, Reconfigure, Restart, Resume, Skew
from targets.node import NodeId
from targets.registry import find as find_target
from targets.simulator import SimulatedCluster
from targets.simulator.network import Sent
from workloads.generator import Generator, Invocation
from workloads.registry import find as find_workload

STRETCHES = (1.0, 3.0, 10.0)
"""Faults come at a pace drawn from the seed: faster than an election, about as fast, much slower."""

SETTLE_MS = 1500.0
"""How long a healed cluster may take to find itself before the calm operations are asked."""

CALM_MS_MAX = 10_000.0
"""By then an operation must have succeeded in the calm."""


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
    violated_ms: float | None = None
    """When the first invariant was found broken."""


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
        place = partial(client_name, plan.clients)
        self._cluster = SimulatedCluster(self._target, plan.nodes, plan.seed, trace=trace, place=place)
        self._clients = Clients(
            plan,
            self._target,
            self._cluster,
            recorder,
            self._workload.start() if generator is None else generator,
            scripted=scripted,
            progress=progress,
        )
        self._schedule: Schedule = _mix(plan) if schedule is None else schedule
        self._until_ms = until_ms
        self._with_calm = calm
        self._storm_ms = storm_ms
        self._until_violation = until_violation
        self._client_names = tuple(f"c{client}" for client in range(plan.clients))
        self._nemesis_random = Random(f"{plan.seed} nemesis")
        self._look: Look | None = None
        self._storm = True
        self._stopped = False

    def stop(self) -> None:
        """End the run as soon as possible."""
        self._stopped = True
        self._cluster.stop()

    @property
    def asked(self) -> list[tuple[float, int, Invocation, NodeId]]:
        """Time (ms), client, operation and node of everything that was invoked."""
        return self._clients.asked

    def run(self) -> Run:
        """Run to the end. What the target did wrong beyond the protocol (an exception) is in `error`."""
        cluster, plan = self._cluster, self.plan
        error = None
        storm_ms = 0.0
        live = True
        try:
            cluster.start()
            self._clients.start()
            if plan.nemesis or not isinstance(self._schedule, Mix):
                cluster.at(0.0, self._nemesis)
            self._clients.until_ms = None if plan.time_s is None else plan.time_s * 1000
            self._go(self._clients.until_ms, idle_too=True)
            if cluster.now_ms < self._storm_ms:
                self._go(self._storm_ms)
            storm_ms = cluster.now_ms
            self._storm = False
            self._clients.until_ms, self._clients.left, self._clients.succeeded = None, 0, 0
            if not self._stopped and self._until_ms is None and self._with_calm:
                live = self._calm() or self._damaged()
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
            cluster.violated_ms,
        )

    def _go(self, until_ms: float | None, *, idle_too: bool = False) -> None:
        """Let time pass; with `idle_too` only as long as a client goes on, and no broken invariant is to end it."""
        cluster = self._cluster
        limits = [ms for ms in (until_ms, self._until_ms) if ms is not None]
        broken = (lambda: bool(cluster.violations)) if idle_too and self._until_violation else None
        again = not self._stopped and (not idle_too or self._clients.going > 0)
        while again:
            stopped = cluster.run(until=broken, until_ms=min(limits) if limits else None)
            again = stopped and not idle_too and not self._stopped

    # nemesis

    def _nemesis(self) -> None:
        if not self._storm or self._clients.are_done():
            return
        cluster = self._cluster
        now_ms = cluster.now_ms
        if self._look is not None and cluster.still and self._look.in_vain(now_ms):
            self._look_again(self._look, now_ms)
            return
        situation = Situation(
            now_ms,
            cluster.nodes,
            self._nemesis_random,
            cluster.down,
            cluster.paused,
            cluster.views,
            self._client_names,
            self._target.sessions,
        )
        step, self._schedule = self._schedule.next(situation)
        self._look = None
        if isinstance(step, Look):
            self._look = step
            self._look_again(step, now_ms)
        elif step is not None and step.at_ms > now_ms:
            cluster.at(step.at_ms + ROUNDING_MS, partial(self._strike, step.fault))
        elif step is not None:
            self._strike(step.fault)

    def _look_again(self, look: Look, now_ms: float) -> None:
        # a little later than asked: virtual time counts whole nanoseconds, and must get past the moment
        self._cluster.at(max(look.next_ms(now_ms), now_ms) + 0.001, self._nemesis)

    def _strike(self, fault: object) -> None:
        if not self._storm:
            return
        self._apply(fault)
        self._cluster.at(self._cluster.now_ms, self._nemesis)

    def _apply(self, fault: object) -> None:
        self._cluster.apply(fault)  # type: ignore[arg-type]
        self.recorder.happened(fault, self._cluster.now_ns)  # type: ignore[arg-type]

    # the calm

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

    def _damaged(self) -> bool:
        """Whether no majority is left that can run, since what the disks hold was damaged: nothing heals that.

        Of all nodes, or of members that somebody asked for: those may be the members now.
        """
        faults = [fault for _, fault in self.recorder.nemesis]
        flipped = {fault.node for fault in faults if isinstance(fault, Corrupt) and fault.kind == "bit-flip"}
        dead = flipped & self._cluster.down
        groups = [self._cluster.nodes, *(fault.nodes for fault in faults if isinstance(fault, Reconfigure))]
        return any(2 * len(dead.intersection(group)) >= len(group) for group in groups)

    def _ask_in_the_calm(self) -> bool:
        """Two operations for each client, and more until one has succeeded. Returns whether there was none to ask."""
        cluster, clients = self._cluster, self._clients
        until_ms = cluster.now_ms + CALM_MS_MAX
        asked = False
        while True:
            clients.left = 2 * self.plan.clients
            clients.start()
            self._go(until_ms, idle_too=True)
            asked_now = clients.left < 2 * self.plan.clients
            asked = asked or asked_now
            if clients.succeeded or not asked_now or self._stopped or cluster.now_ms >= until_ms or self._damaged():
                return not asked
            # whoever gave up, or was refused where nobody leads, may have been too hasty: that says nothing of life
            clients.timeout_ms = max(clients.timeout_ms, self._target.timeout_ms)

    def _calm(self) -> bool:
        """Heal everything, let operations run again, then the last round. False if none succeeded."""
        cluster, clients = self._cluster, self._clients
        if clients.scripted:
            clients.scripted, clients.generator = False, self._workload.start()
        for fault in self._ends():
            self._apply(fault)
            # what is due now happens before the next, as it does where a script strikes twice at once
            self._go(cluster.now_ms + ROUNDING_MS)
        self._go(cluster.now_ms + SETTLE_MS)
        nothing_to_ask = self._ask_in_the_calm()
        if self._workload.finish is not None and not self._stopped:
            self.recorder.last_round_begins()
            clients.generator, clients.left = self._workload.finish(), None
            clients.start()
            self._go(cluster.now_ms + CALM_MS_MAX, idle_too=True)
        # also a read of the last round is a sign of life: what may be written once refuses all that comes later
        return nothing_to_ask or clients.succeeded > 0
