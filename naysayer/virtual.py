"""A run in virtual time: the harness core on the simulator. naysayer/live.py does the same in real time."""

from __future__ import annotations

from functools import partial

from naysayer.harness.actions import Consult, Invoke, Round, WaitUntil
from naysayer.harness.clients import ROUNDING_MS, Journal, Progress, Thread
from naysayer.harness.core import Core
from naysayer.harness.setup import Setup
from targets.backends.simulator import SimulatedCluster
from targets.backends.simulator.network import MS
from targets.backends.simulator.node_errors import NodeRaisedError
from targets.protocol.cluster import Death
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId, Reply
from workloads.generator import Invocation


class VirtualRun:
    """One run of a setup. It ends at `until_ms`, if given; with `until_violation`, when an invariant is violated."""

    def __init__(
        self,
        cluster: SimulatedCluster,
        setup: Setup,
        journal: Journal,
        *,
        progress: Progress | None = None,
        until_ms: float | None = None,
        until_violation: bool = False,
    ) -> None:
        self.cluster = cluster
        self.core = Core(setup, cluster, journal, progress)
        self.asked: list[tuple[float, int, Invocation, NodeId]] = []
        """Time (ms), client, operation and node of everything that was invoked."""
        self.core.clients.asked = self.asked
        self.stopped = False
        self._until_ms = until_ms
        self._until_violation = until_violation

    def stop(self) -> None:
        """End the run at the next event and keep what was recorded."""
        self.stopped = True
        self.core.stop()
        self.cluster.stop()

    def run(self) -> None:
        """Start the cluster and carry out the core's actions until the run is over or a node raises an exception.
        Raises TargetError where a program breaks the protocol."""
        try:
            self.cluster.start()
            self._drive()
        except NodeRaisedError as failure:
            self.cluster.crashed(failure.node)
            self.core.died(Death(failure.node, failure.how, raised=True, hung=failure.hung), self.cluster.now_ns)

    def _drive(self) -> None:
        """Carry out the core's actions until the run is over, or its time."""
        cluster, core = self.cluster, self.core
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
            elif isinstance(action, Consult):
                core.consulted(action.call())
            else:
                self._apply(action.fault)
                # events due now come before the next action, as when a script injects two faults at the same time
                self._go(cluster.now_ms + ROUNDING_MS)
            if self._until_ms is not None and cluster.now_ns >= int(self._until_ms * MS):
                return

    def _go(self, until_ms: float | None, *, idle_too: bool = False) -> None:
        """Let time pass; with `idle_too` only until all clients are done or a violated invariant ends the run."""
        cluster = self.cluster
        limits = [ms for ms in (until_ms, self._until_ms) if ms is not None]
        broken = (lambda: bool(cluster.violations)) if idle_too and self._until_violation else None
        again = not self.stopped and (not idle_too or not self.core.round_over)
        while again:
            stopped = cluster.run(until=broken, until_ms=min(limits) if limits else None)
            again = stopped and not idle_too and not self.stopped

    # clients

    def _ask(self, thread: Thread) -> None:
        cluster = self.cluster
        action = self.core.ask(thread, cluster.now_ns)
        if isinstance(action, Invoke):
            cluster.invoke(action.request, action.node, action.timeout_ms, thread.answered)
        elif action is not None:
            cluster.at(action.at_ms, thread.wake)
        elif self.core.round_over:
            cluster.stop()

    def _answered(self, thread: Thread, reply: Reply | None) -> None:
        cluster = self.cluster
        action = self.core.completed(thread, reply, cluster.now_ns)
        if isinstance(action, WaitUntil):
            cluster.at(action.at_ms, thread.wake)
        else:
            cluster.invoke(action.request, action.node, action.timeout_ms, thread.answered)

    # the nemesis

    def _nemesis(self) -> None:
        cluster = self.cluster
        action = self.core.fault(cluster.now_ns, cluster.views, still=self.core.poll is not None and cluster.still)
        if isinstance(action, WaitUntil):
            cluster.at(action.at_ms, self._nemesis)
        elif action is not None and action.at_ms > cluster.now_ms:
            cluster.at(action.at_ms + ROUNDING_MS, partial(self._inject, action.fault))
        elif action is not None:
            self._inject(action.fault)

    def _inject(self, fault: Fault) -> None:
        if self.core.in_fault_phase:
            self._apply(fault)
            self.cluster.at(self.cluster.now_ms, self._nemesis)

    def _apply(self, fault: Fault) -> None:
        """A fault counts as injected although a node dies of it at once, such as one that is started again."""
        try:
            self.cluster.apply(fault)
        finally:
            self.core.injected(fault, self.cluster.now_ns)
