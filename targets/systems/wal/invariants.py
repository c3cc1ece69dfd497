"""What must hold whenever the store has come up again."""

from __future__ import annotations

from collections.abc import Mapping

from targets.protocol.node import Node, NodeId
from targets.systems.wal.node import REQUESTS_KEPT, WalStore


class NothingAcknowledgedIsLost:
    """A request whose answer was sent is known after every recovery, by its entry in the table of requests."""

    name = "nothing acknowledged is lost"

    def __init__(self) -> None:
        self._running: dict[NodeId, WalStore] = {}
        self._acknowledged: dict[NodeId, list[str]] = {}

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node, before = nodes[stepped], self._running.get(stepped)
        if not isinstance(node, WalStore):
            return None
        known = self._acknowledged.setdefault(stepped, [])
        if before is not None:
            known += before.acknowledged
        self._running[stepped] = node
        # the table forgets the oldest; half of it is certainly still there
        lost = [request for request in known[-REQUESTS_KEPT // 2 :] if request not in node.requests]
        if lost:
            return f"{stepped} acknowledged {len(lost)} requests ({', '.join(lost[:5])}) that it knows no more"
        return None
