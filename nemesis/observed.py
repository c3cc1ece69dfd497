"""What a schedule may know of the clients' operations: which node answered what, as seen from outside the system."""

from __future__ import annotations

from collections import Counter, deque

from checker.history import Status
from targets.protocol.node import NodeId

RECENT = 300
"""So many of the last ok answers are compared, to see whether one node gives most of them."""

MOST = 0.75
"""The share of them that a node must have given."""


class Observed:
    """Counts operations as they end. The harness feeds it; a schedule only reads it."""

    def __init__(self) -> None:
        self.ended = 0
        """How many operations have ended, with any outcome."""
        self._changes: Counter[NodeId] = Counter()
        self._begun_ms: dict[NodeId, float] = {}
        self._recent: deque[NodeId] = deque(maxlen=RECENT)

    def take(self, node: NodeId, f: str, status: Status, call_ms: float) -> None:
        """An operation, invoked on this node at `call_ms`, has ended."""
        self.ended += 1
        if f != "read":
            self._changes[node] += 1
        if status == "ok":
            self._begun_ms[node] = max(call_ms, self._begun_ms.get(node, call_ms))
            self._recent.append(node)

    def changes(self, node: NodeId) -> int:
        """How many operations other than reads have ended on this node."""
        return self._changes[node]

    def nodes_since(self, ms: float) -> int:
        """On how many nodes an operation invoked at that time or later has succeeded."""
        return sum(begun_ms >= ms for begun_ms in self._begun_ms.values())

    def apparent_leader(self) -> NodeId | None:
        """The node that gave most of the recent ok answers; None if they are spread over several nodes."""
        if not self._recent:
            return None
        [(node, count)] = Counter(self._recent).most_common(1)
        return node if count > MOST * len(self._recent) else None
