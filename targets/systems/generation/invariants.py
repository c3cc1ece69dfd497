"""What must hold in every step of the generation clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import Node, NodeId
from targets.systems.generation.clock import GenerationClock
from targets.systems.promises import PromisesKept


class OneOwner(LocalInvariant):
    """A generation has one owner, ever: not two nodes, nor one node before and after a restart."""

    name = "one owner per generation"

    def look(self, node: Node) -> Any:
        """The generation that it owns, 0 if none."""
        return node.owner.owned if isinstance(node, GenerationClock) else None

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """`history`: by node the generation that it owned last; by generation its owner, and whether that is over. A
        node that restarts owns none at first."""
        owned, before = seen[stepped], history.get(stepped, 0)
        if owned == before:
            return None
        history[stepped] = owned
        if before:
            history[before] = (history[before][0], True)
        if not owned:
            return None
        owner, is_over = history.setdefault(owned, (stepped, False))
        if owner == stepped and not is_over:
            return None
        return f"generation {owned} belongs to {owner}, and now {stepped} owns it too"


class GenerationsNeverFall(PromisesKept):
    """A voter whose vote has reached a candidate never shows an older generation again, also after a restart."""

    name = "generations never fall"

    def look(self, node: Node) -> Any:
        """The generation of its voter; that of its candidate, and who voted for it."""
        if not isinstance(node, GenerationClock):
            return None
        standing = node.candidate.standing
        return node.voter.generation, *((0, ()) if standing is None else (standing.generation, tuple(standing.votes)))

    def broken(self, who: NodeId, promised: Any, held: Any) -> str:
        return f"{who} granted generation {promised} and is now in {held}"
