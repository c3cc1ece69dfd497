"""What must hold after every restart of a replica."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from targets.protocol.node import Node, NodeId
from targets.systems.quorum.messages import Version, stamp
from targets.systems.quorum.node import QuorumNode


class ConfirmedIsKept:
    """A replica that has confirmed a version of a key holds it, or a newer one, after every recovery."""

    name = "what a replica confirmed is kept"

    def __init__(self) -> None:
        self._running: dict[NodeId, QuorumNode] = {}
        self._confirmed: dict[NodeId, dict[Any, Version]] = {}

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node, before = nodes[stepped], self._running.get(stepped)
        if not isinstance(node, QuorumNode):
            return None
        self._running[stepped] = node
        if before is None:
            return None
        confirmed = self._confirmed.setdefault(stepped, {})
        confirmed.update(before.confirmed)
        for key, version in confirmed.items():
            if version > node.replica.version(key):
                held, known = (stamp(one) for one in (node.replica.version(key), version))
                return f"{stepped} confirmed version {known} of {key!r}, and after its recovery it holds {held}"
        return None
