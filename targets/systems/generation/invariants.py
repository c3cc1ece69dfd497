"""What must hold in every step of the generation clock."""

from __future__ import annotations

from collections.abc import Mapping

from targets.protocol.node import Node, NodeId
from targets.systems.generation.clock import GenerationClock


class OneOwner:
    """A generation has one owner, ever: not two nodes, nor one node before and after a restart."""

    name = "one owner per generation"

    def __init__(self) -> None:
        self._owners: dict[int, tuple[NodeId, Node]] = {}

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node = nodes[stepped]
        if isinstance(node, GenerationClock) and node.owner.owned:
            owner, object_of_owner = self._owners.setdefault(node.owner.owned, (stepped, node))
            if object_of_owner is not node:
                return f"generation {node.owner.owned} belongs to {owner}, and now {stepped} owns it too"
        return None


class GenerationsNeverFall:
    """A voter whose vote has reached a candidate never shows an older generation again, also after a restart."""

    name = "generations never fall"

    def __init__(self) -> None:
        self._granted: dict[NodeId, int] = {}

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node = nodes[stepped]
        if not isinstance(node, GenerationClock):
            return None
        found, standing = self._fallen(stepped, node), node.candidate.standing
        if found is None and standing is not None:
            for voter in standing.votes:
                # its own vote may still be on its way to the disk
                if voter != stepped and self._granted.get(voter, 0) < standing.generation:
                    self._granted[voter] = standing.generation
                    found = found or self._fallen(voter, nodes.get(voter))
        return found

    def _fallen(self, voter: NodeId, node: Node | None) -> str | None:
        generation = self._granted.get(voter, 0)
        if isinstance(node, GenerationClock) and node.voter.generation < generation:
            return f"{voter} granted generation {generation} and is now in {node.voter.generation}"
        return None
