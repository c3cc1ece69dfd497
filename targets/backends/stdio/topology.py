"""Who is whose neighbour in the broadcast workload, by the names that Maelstrom gives its topologies.

A topology says which nodes a node should talk to; the network lets every node reach every other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, sqrt

from targets.protocol.node import NodeId

Neighbours = dict[NodeId, list[NodeId]]


def _linked(nodes: Sequence[NodeId], pairs: list[tuple[int, int]]) -> Neighbours:
    """Neighbours by their places, in order; places outside are not nodes."""
    found: Neighbours = {node: [] for node in nodes}
    for one, other in pairs:
        if 0 <= other < len(nodes):
            found[nodes[one]].append(nodes[other])
    return found


def _line(nodes: Sequence[NodeId]) -> Neighbours:
    return _linked(nodes, [(i, j) for i in range(len(nodes)) for j in (i - 1, i + 1)])


def _grid(nodes: Sequence[NodeId]) -> Neighbours:
    """Rows and columns of a nearly square grid, so at most four neighbours."""
    side = ceil(sqrt(len(nodes)))
    pairs = []
    for i in range(len(nodes)):
        column = i % side
        pairs += [(i, i + side), (i, i - side)]
        pairs += [(i, i + 1)] if column + 1 < side else []
        pairs += [(i, i - 1)] if column else []
    return _linked(nodes, pairs)


def _tree(branches: int, nodes: Sequence[NodeId]) -> Neighbours:
    """Parent first, then the children."""
    pairs = []
    for i in range(len(nodes)):
        pairs += [(i, (i - 1) // branches)] if i else []
        pairs += [(i, branches * i + child) for child in range(1, branches + 1)]
    return _linked(nodes, pairs)


def _total(nodes: Sequence[NodeId]) -> Neighbours:
    return {node: [other for other in nodes if other != node] for node in nodes}


TOPOLOGIES: dict[str, Callable[[Sequence[NodeId]], Neighbours]] = {
    "grid": _grid,
    "line": _line,
    "tree": partial(_tree, 2),
    "tree2": partial(_tree, 2),
    "tree3": partial(_tree, 3),
    "tree4": partial(_tree, 4),
    "total": _total,
}
