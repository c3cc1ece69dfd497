"""Which node a client asks, in the simulator and on real systems.

In the simulator a third of the clients stay with one node; a third follow the leader; a third follow it every other
time. So a leader that does not know that it was deposed is still asked, while other clients go to the new one. A single
client does not stay with one node: that node may never lead, and then no operation would succeed.

On real systems, where any node may serve any request, a client stays with its node until it is refused, and one in five
asks any node. So a node that does not answer holds up only its own clients. Where clients are so few that a node would
be left out, all of them ask any node. If the workload has clients that only read, they stay for ever, refused or not,
and the others need not: once refused they nearly always follow the leader.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from checker.history import Operation
from targets.protocol.node import NodeId
from workloads.generator import Invocation

ROAMING = 5
"""On real systems, one in so many clients asks any node."""

LOYAL = 0.9
"""How often a client that was refused asks the leader, where others stay with every node to read."""


class Routing:
    """What each client knows of the leader: the node that answered it last, or the one it was referred to.

    `stay`: clients follow the leader, or stay, from the start, refused or not. `only_reads`: see Workload.
    """

    def __init__(
        self,
        nodes: tuple[NodeId, ...],
        clients: int,
        *,
        stay: bool,
        only_reads: Callable[[int, int], bool] | None = None,
    ) -> None:
        self._nodes = nodes
        self._stay = stay
        self._few = clients < 2 * len(nodes)
        reading = () if only_reads is None else (c for c in range(clients) if only_reads(c, clients))
        self._readers = frozenset(reading)
        alone = clients == 1
        staying = self._readers or (() if alone else range(0, clients, 3))
        self._loyal = LOYAL if self._readers and not stay else 0.5
        self._staying = {client: nodes[place % len(nodes)] for place, client in enumerate(sorted(staying))}
        self._refused: set[int] = set()
        self._leader: dict[int, NodeId] = {}

    def choose(self, client: int, asked: Invocation, random: Random) -> NodeId:
        """The node to ask."""
        if asked.node is not None:
            return asked.node
        if not self._stay and client not in self._refused and client not in self._readers:
            roams = self._few or client % ROAMING == ROAMING - 1
            return random.choice(self._nodes) if roams else self._nodes[client % len(self._nodes)]
        if client in self._staying:
            return self._staying[client]
        anywhere = random.choice(self._nodes)
        if client % 3 == 1 or random.random() < self._loyal:
            return self._leader.get(client, anywhere)
        return anywhere

    def learn(self, client: int, node: NodeId, operation: Operation, referred: NodeId | None) -> bool:
        """Record how an operation ended. Returns whether it was refused and the client knows no leader to ask."""
        if operation.status == "fail":
            self._refused.add(client)
        if operation.status == "ok":
            self._leader[client] = node
        elif referred is not None:
            self._leader[client] = referred
        else:
            self._leader.pop(client, None)
        return operation.status == "fail" and (client in self._staying or client not in self._leader)
