"""What must hold whenever a replica has come up again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from targets.node import Node, NodeId
from targets.quorum.messages import Version
from targets.quorum.node import QuorumNode


class ConfirmedIsKept:
    """A replica that has confirmed a version of a key holds it, or a newer one, after every recovery."""

    name = "what a replica confirmed is kept"

    def __init__(self) -> None:
        self._running: dict[NodeId, QuorumNode] = {}
        self._confirmed: dict[NodeId, dict[Any, Version]] = {}

    def check(self, now_ms: float, nodes: Mapping[NodeId, Node]) -> str | None:
        for name, node in nodes.items():
            before = self._running.get(name)
            if before is node or not isinstance(node, QuorumNode):
                continue
            self._running[name] = node
            if before is None:
                continue
            confirmed = self._confirmed.setdefault(name, {})
            confirmed.update(before.confirmed)
            for key, version in confirmed.items():
                if node.newer(version, node.version(key)):
                    held, knew = (f"{counter:g}.{writer}" for counter, writer in (node.version(key), version))
                    return f"{name} confirmed version {knew} of {key!r}, and after its recovery it holds {held}"
        return None
