"""Invariants that judge by what they see of nodes and by what they remember of a run, and by nothing else.

So the same invariant watches a run in the simulator, where one object remembers, and every schedule of an exploration,
where what is remembered is a part of each state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from targets.protocol.node import Node, NodeId


class LocalInvariant(ABC):
    """An Invariant whose judgement is a function of what it sees and remembers."""

    name: str

    def __init__(self) -> None:
        self._history: dict[Any, Any] = {}

    @abstractmethod
    def look(self, node: Node) -> Any:
        """What it needs to know of a node: a value that does not change, equal for nodes that are alike to it. None for
        a node that it does not concern."""

    @abstractmethod
    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """A sentence if it is violated now that `stepped` has handled an input. `seen`: what it sees of each running
        node that it concerns, `stepped` included. `history`: what it noted before; both hold values that can be
        hashed."""

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        """As an Invariant of one run."""
        seen = _Seen(self, nodes)
        return self.judge(self._history, stepped, seen) if stepped in seen else None


class _Seen(Mapping[NodeId, Any]):
    """What an invariant sees of the nodes of a run, looked up where it asks."""

    def __init__(self, invariant: LocalInvariant, nodes: Mapping[NodeId, Node]) -> None:
        self._invariant, self._nodes = invariant, nodes
        self._looked: dict[NodeId, Any] = {}

    def __getitem__(self, name: NodeId) -> Any:
        if name not in self._looked:
            self._looked[name] = self._invariant.look(self._nodes[name])
        if self._looked[name] is None:
            raise KeyError(name)
        return self._looked[name]

    def __iter__(self) -> Iterator[NodeId]:
        return (name for name in self._nodes if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
