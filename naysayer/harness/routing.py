"""Which node a client asks, alike in the simulator and against what really runs.

A third of the clients each stays with one node, whatever it says; follows the leader; does so every other time. So a
leader that was deposed and does not know it is still asked, while others go where the new one is. A client that is
alone does not stay: the node may never lead, and then nothing would ever be done.
"""

from __future__ import annotations

from random import Random

from checker.history import Operation
from targets.protocol.node import NodeId
from workloads.generator import Invocation


class Routing:
    """What each client knows of the leader: the node that answered it at last, or to which it was referred.

    `stay`: False lets clients that were never refused go anywhere, as where every node answers all are worth asking.
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
        """Take in how an operation ended at a node; returns whether it was refused and the client knows no better."""
        if operation.status == "fail":
            self._refused.add(client)
        if operation.status == "ok":
            self._leader[client] = node
        elif referred is not None:
            self._leader[client] = referred
        else:
            self._leader.pop(client, None)
        return operation.status == "fail" and (client % 3 == 0 or client not in self._leader)
