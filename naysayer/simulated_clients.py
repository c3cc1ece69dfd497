"""The clients of a simulated run, in virtual time: each pauses, asks, waits for the answer, and goes on.

Terms are Jepsen's: a thread of a client goes on as a new process after an operation of unknown outcome, since the old
process may be waiting for ever. Process p belongs to client p modulo the number of clients.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from random import Random

from checker.history import Status
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.routing import Routing
from targets.node import NodeId, Reply, Request
from targets.simulator import SimulatedCluster
from targets.simulator.draws import SLOT_BITS
from targets.target import Target
from workloads.generator import Generator, Invocation, Moment, Wait

ATTEMPTS = 3
"""How often a client asks, with the same request id, a target that promises to execute a request once."""

REFUSED_MS = 40.0
"""Mean pause after a refusal, so that operations are not all spent on a cluster without a leader."""

ROUNDING_MS = 4e-7
"""Less than a nanosecond: times that were recorded in ms become the same nanoseconds again."""

NEXT_MS = 1.5e-6
"""Gets virtual time to the next nanosecond at least."""

FRESH = 1_000_000
"""Times the number of clients: far above the processes that a round of threads comes to."""

Progress = Callable[[int], None]


def client_name(clients: int, name: NodeId) -> NodeId:
    """By the name of a process that of its client, whose links it uses; other names are their own."""
    return f"c{int(name[1:]) % clients}" if name[0] == "c" else name


class Clients:
    """All clients of a run, of which none asks any more when `left` operations are asked, or `until_ms` has come."""

    def __init__(
        self,
        plan: Plan,
        target: Target,
        cluster: SimulatedCluster,
        recorder: Recorder,
        generator: Generator,
        *,
        scripted: bool,
        progress: Progress | None,
    ) -> None:
        """`scripted`: the generator says when everything happens. `progress` hears how many operations were asked."""
        self.plan = plan
        self.target = target
        self.cluster = cluster
        self.recorder = recorder
        self.generator = generator
        self.scripted = scripted
        self.progress = progress
        self.routing = Routing(cluster.nodes, plan.clients, stay=True)
        self.timeout_ms = plan.timeout_ms or target.timeout_ms
        """How long they wait for an answer."""
        self.left = plan.operations
        self.until_ms: float | None = None
        self.threads: list[_Thread] = []
        """By client the one that asks for it; those of rounds before may still wait for an answer."""
        self.going = 0
        """How many of them go on."""
        self.succeeded = 0
        """How many operations ended ok since somebody set this to 0."""
        self.requests = 0
        self.asked: list[tuple[float, int, Invocation, NodeId]] = []
        """Time (ms), client, operation and node of everything that was invoked."""
        self.randoms = [Random(f"{plan.seed} client {client}") for client in range(plan.clients)]
        self._rounds = 0

    def start(self) -> None:
        """A new round: a thread for each client takes the place of the one before, and goes on as its process.

        Where that still waits for an answer the new one is a process of its own.
        """
        clients = self.plan.clients
        fresh = self._rounds * FRESH * clients
        kept = {client: thread.process for client, thread in enumerate(self.threads) if not thread.waits}
        self.threads = [_Thread(self, client, kept.get(client, fresh + client)) for client in range(clients)]
        self.going = clients
        self._rounds += 1
        for thread in self.threads:
            thread.pause()

    def are_done(self) -> bool:
        """Whether nobody is to ask any more."""
        return self.left == 0 or (self.until_ms is not None and self.cluster.now_ms >= self.until_ms)


class _Thread:
    """What a client does, one thing after the other. It has at most one operation under way."""

    def __init__(self, clients: Clients, client: int, process: int) -> None:
        self._clients = clients
        self._client = client
        self.process = process
        self.waits = False
        """Whether it waits for an answer."""
        self._random = clients.randoms[client]

    def pause(self, mean_ms: float | None = None) -> None:
        """Ask after a drawn time."""
        clients = self._clients
        mean_ms = clients.plan.think_ms if mean_ms is None else mean_ms
        pause_ms = 0.0 if clients.scripted else -log(1.0 - self._random.random()) * mean_ms
        clients.cluster.after(pause_ms, self._ask)

    def _ask(self) -> None:
        clients = self._clients
        if clients.threads[self._client] is not self:
            return  # another has taken its place
        asked: Invocation | Wait | None = None
        if not clients.are_done():
            moment = Moment(clients.cluster.now_ms, self._client, clients.plan.clients, self._random)
            asked, clients.generator = clients.generator.next(moment)
        if asked is None:
            clients.going -= 1
            if not clients.going:
                clients.cluster.stop()
        elif isinstance(asked, Wait):
            pause_ms = max(asked.ms + ROUNDING_MS, NEXT_MS) if clients.scripted else max(0.1, asked.ms)
            clients.cluster.after(pause_ms, self._ask)
        else:
            self._invoke(asked)

    def _invoke(self, asked: Invocation) -> None:
        clients = self._clients
        if clients.left is not None:
            clients.left -= 1
        client, process, cluster = self._client, self.process, clients.cluster
        node = clients.routing.choose(client, asked, self._random)
        self.waits = True
        clients.requests += 1
        self._asked, self._node = asked, node
        self._request = Request(f"r{clients.requests}", f"c{process}", asked.f, asked.key, asked.input)
        clients.recorder.invoked(process, asked, node, cluster.now_ns)
        clients.asked.append((cluster.now_ms, client, asked, node))
        # every other client asks again when no answer comes, as libraries do
        self._attempts = self._left = ATTEMPTS if clients.target.sessions and client % 2 == 1 else 1
        self._try(node)

    def _try(self, node: NodeId) -> None:
        clients = self._clients
        clients.cluster.invoke(self._request, node, clients.timeout_ms / self._attempts, self._answered)

    def _answered(self, reply: Reply | None) -> None:
        if reply is None and self._left > 1:
            # drawn by the time, so that a script of this run draws the same
            clients = self._clients
            moment = f"{clients.plan.seed} c{self._client} {clients.cluster.now_ns >> SLOT_BITS}"
            self._left -= 1
            self._try(Random(moment).choice(clients.cluster.nodes))
        elif reply is not None and reply.status == "fail" and self._left < self._attempts:
            self._done(None)  # this node did not do it, but one that was asked before may have
        else:
            self._done(reply)

    def _done(self, reply: Reply | None) -> None:
        """Record how the operation ended, and go on."""
        clients, client, process = self._clients, self._client, self.process
        status: Status = "info" if reply is None else reply.status
        output, error = (None, "timeout") if reply is None else (reply.output, reply.error)
        operation = clients.recorder.completed(process, self._asked, status, output, error, clients.cluster.now_ns)
        clients.generator = clients.generator.observe(operation)
        clients.succeeded += status == "ok"
        refused = clients.routing.learn(client, self._node, operation, None if reply is None else reply.leader)
        if clients.progress is not None:
            clients.progress(clients.recorder.invocations)
        if status == "info":
            self.process += clients.plan.clients  # nobody knows whether it still happens
        self.waits = False
        self.pause(max(REFUSED_MS, clients.plan.think_ms) if refused else None)
