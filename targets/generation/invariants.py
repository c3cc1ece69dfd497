"""What must hold in every step of the generation clock."""

from __future__ import annotations

from collections.abc import Mapping

from targets.generation.clock import GenerationClock
from targets.node import Node, NodeId


class OneOwner:
    """A generation has one owner, ever: not two nodes, nor one node before and after a restart."""

    name = "one owner per generation"

    def __init__(self) -> None:
        self._owners: dict[int, tuple[NodeId, Node]] = {}

    def check(self, now_ms: float, nodes: Mapping[NodeId, Node]) -> str | None:
        for name, node in nodes.items():
            if isinstance(node, GenerationClock) and node.owned:
                owner, object_of_owner = self._owners.setdefault(node.owned, (name, node))
                if object_of_owner is not node:
                    return f"generation {node.owned} belongs to {owner}, and now {name} owns it too"
        return None


class GenerationsNeverFall:
    """A voter whose vote has reached a candidate never shows an older generation again, also after a restart."""

    name = "generations never fall"

    def __init__(self) -> None:
        self._granted: dict[NodeId, int] = {}

    def check(self, now_ms: float, nodes: Mapping[NodeId, Node]) -> str | None:
        for name, node in nodes.items():
            if isinstance(node, GenerationClock) and node.standing is not None:
                for voter in node.standing.votes:
                    if voter != name:  # its own vote may still be on its way to the disk
                        self._granted[voter] = max(self._granted.get(voter, 0), node.standing.generation)
        for voter, generation in self._granted.items():
            replica = nodes.get(voter)
            if isinstance(replica, GenerationClock) and replica.voter.generation < generation:
                return f"{voter} granted generation {generation} and is now in {replica.voter.generation}"
        return None
