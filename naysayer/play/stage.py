"""A simulated cluster for scripts: finds the leader that was elected, cuts links, sends one request at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from checker.errors import UsageError
from checker.history import Operation
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Cut, Fault, Heal
from targets.protocol.links import braced
from targets.protocol.node import NodeId, Reply, Request
from targets.protocol.target import Target

MOMENT_MS = 1.5e-6
"""Gets virtual time to the next nanosecond."""

ADMINISTRATION = ("reconfigure", "transfer")
"""Requests that administer the cluster. They are not part of the history."""

LEADER_MS = 5000.0
"""How long to wait for an election."""


class Stage:
    """A running cluster, and the history of the operations that `ask` invoked on it."""

    def __init__(
        self, target: Target, nodes: int, seed: int, *, cluster: SimulatedCluster | None = None, **network: Any
    ) -> None:
        """Starts a cluster, or the one that is given."""
        self.cluster = SimulatedCluster(target, nodes, seed, **network) if cluster is None else cluster
        self.ended: list[Operation] = []
        """The operations that have ended, in order."""
        self.replies: dict[int, Reply | None] = {}
        self.calls: dict[int, int] = {}
        """When each request was sent, in nanoseconds."""
        self._count = 0
        self.cluster.start()

    @property
    def nodes(self) -> tuple[NodeId, ...]:
        return self.cluster.nodes

    @property
    def records(self) -> list[Operation]:
        """The history: the operations that have ended, without requests that administer the cluster."""
        return [one for one in self.ended if one.f not in ADMINISTRATION]

    def view(self, node: NodeId) -> dict[str, Any]:
        return self.cluster.views().get(node, {})

    def pass_ms(self, ms: float) -> None:
        self.cluster.run(until_ms=self.cluster.now_ms + ms)

    def wait(self, until: Callable[[], bool], ms: float = 3000.0) -> bool:
        """Run until it holds; False if it did not within the time."""
        self.cluster.run(until=until, until_ms=self.cluster.now_ms + ms)
        return until()

    def leader(self, among: Iterable[NodeId] | None = None, after_term: int = 0) -> NodeId:
        """The leader with the highest term among the nodes, as soon as there is one in a term after `after_term`.

        Raises UsageError if none is elected in time.
        """
        found: list[tuple[int, NodeId]] = []

        def exists() -> bool:
            found[:] = [
                (view["term"], node)
                for node, view in self.cluster.views().items()
                if view.get("role") == "leader" and (among is None or node in among)
                if view.get("term", 0) > after_term
            ]
            return bool(found)

        if not self.wait(exists, LEADER_MS):
            raise UsageError(f"no such leader was elected within {LEADER_MS:g} ms: try another seed")
        return max(found)[1]

    # faults

    def apply(self, *faults: Fault) -> None:
        for fault in faults:
            self.cluster.apply(fault)

    def groups(self, *groups: Iterable[NodeId]) -> None:
        """Heal, then cut all links between groups. A node in no group is isolated."""
        parts = [list(group) for group in groups]
        parts += [[node] for node in self.nodes if not any(node in part for part in parts)]
        place = {node: number for number, part in enumerate(parts) for node in part}
        cut = tuple((a, b) for a in self.nodes for b in self.nodes if place[a] != place[b])
        self.apply(Heal())
        if cut:
            self.apply(Cut(cut, " | ".join(braced(part) for part in parts if part)))

    # clients

    def ask(
        self,
        node: NodeId,
        f: str,
        key: Any = None,
        input: Any = None,
        *,
        timeout_ms: float = 500.0,
        retry: str | None = None,
    ) -> int:
        """Invoke an operation from a new client; `retry`: repeat the request with this id. Returns its number."""
        self._count += 1
        index = self._count
        name = retry or f"r{index}"
        request = Request(name, self.client(index, name, f), f, key, input)
        call = self.calls[index] = self.cluster.now_ns
        self.sent(request, node)

        def done(reply: Reply | None) -> None:
            self.replies[index] = reply
            status: Any = "info" if reply is None else reply.status
            output = reply.output if reply is not None else None
            error = reply.error if reply is not None else None
            ret = self.cluster.now_ns
            self.over(Operation(index, index, f, key, input, output, call, ret, status, node, error), request)

        self.cluster.invoke(request, node, timeout_ms, done)
        return index

    def client(self, index: int, name: str, f: str) -> NodeId:
        """The client that sends request `index`, whose id is `name`."""
        return f"c{name}"

    def sent(self, request: Request, node: NodeId) -> None:
        """A request is about to be sent."""

    def over(self, one: Operation, request: Request) -> None:
        """An operation has ended."""
        self.ended.append(one)

    def answer(self, index: int, ms: float = 600.0) -> Reply | None:
        """Wait for the reply, and one nanosecond more: an operation invoked at the same time would be concurrent."""
        self.wait(lambda: index in self.replies, ms)
        self.pass_ms(MOMENT_MS)
        return self.replies.get(index)
