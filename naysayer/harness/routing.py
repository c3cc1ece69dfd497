"""Which node a client asks, in the simulator and on real systems.

A third of the clients stay with one node; a third follow the leader; a third follow it every other time. So a leader
that does not know that it was deposed is still asked, while other clients go to the new one. A single client does not
stay with one node: that node may never lead, and then no operation would succeed.
"""

from __future__ import annotations

from random import Random

from checker.history import Operation
from targets.protocol.node import NodeId
from workloads.generator import Invocation


class Routing:
    """What each client knows of the leader: the node that answered it last, or the one it was referred to.

    `stay`: if False, a client that was never refused asks any node, since every node seems to serve requests.
    """

    def __init__(self, nodes: tuple[NodeId, ...], clients: int, *, stay: bool) -> None:
        self._nodes = nodes
        self._alone = clients == 1
        self._stay = stay
        self._refused: set[int] = set()
        self._leader: dict[int, NodeId] = {}

    def choose(self, client: int, asked: Invocation, random: Random) -> NodeId:
        """The node to ask."""
        if asked.node is not None:
            return asked.node
        if not self._stay and client not in self._refused:
            return random.choice(self._nodes)
        if client % 3 == 0 and not self._alone:
            return self._nodes[client // 3 % len(self._nodes)]
        anywhere = random.choice(self._nodes)
        if client % 3 == 1 or random.random() < 0.5:
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
        return operation.status == "fail" and (client % 3 == 0 or client not in self._leader)
