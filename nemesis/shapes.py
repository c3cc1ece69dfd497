"""The shapes of partitions, as sets of one-way links. Each takes the nodes in random order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from targets.protocol.fault import Cut, Link
from targets.protocol.links import between, one_way, sides
from targets.protocol.node import NodeId

Shape = Callable[[Sequence[NodeId]], Cut]


def links(nodes: Sequence[NodeId]) -> tuple[Link, ...]:
    """Every link between two of the nodes, in both directions."""
    return tuple((a, b) for a in nodes for b in nodes if a != b)


def bisection(nodes: Sequence[NodeId]) -> Cut:
    """A majority and a minority (or two halves of an even number) with no link between them."""
    cut = len(nodes) // 2
    return Cut(between(nodes[:cut], nodes[cut:]), sides(nodes[:cut], nodes[cut:]))


def isolated_node(nodes: Sequence[NodeId]) -> Cut:
    """The first node on one side, all others on the other."""
    return Cut(between(nodes[:1], nodes[1:]), sides(nodes[:1], nodes[1:]))


def bridge(nodes: Sequence[NodeId]) -> Cut:
    """Two halves with no link between them; the first node is linked to both."""
    middle, rest = nodes[0], nodes[1:]
    cut = len(rest) // 2
    left, right = rest[:cut], rest[cut:]
    return Cut(between(left, right), f"{sides(left, right)}, bridge {middle}")


def majorities_ring(nodes: Sequence[NodeId]) -> Cut:
    """Every node is linked to its two neighbours only: of five nodes, each reaches a majority, and no two the same."""
    n = len(nodes)
    kept = {(nodes[i], nodes[(i + step) % n]) for i in range(n) for step in (1, -1)}
    return Cut(tuple(link for link in links(nodes) if link not in kept), f"majorities-ring {' '.join(nodes)}")


def no_incoming(nodes: Sequence[NodeId]) -> Cut:
    """The first node receives nothing; what it sends arrives."""
    return Cut(tuple((b, nodes[0]) for b in nodes[1:]), one_way(nodes[1:], nodes[:1]))


def no_outgoing(nodes: Sequence[NodeId]) -> Cut:
    """Nothing that the first node sends arrives; it receives everything."""
    return Cut(tuple((nodes[0], b) for b in nodes[1:]), one_way(nodes[:1], nodes[1:]))


def one_direction(nodes: Sequence[NodeId]) -> Cut:
    """Two sides; what the first sends to the second is lost, and what the second sends arrives."""
    cut = len(nodes) // 2
    left, right = nodes[:cut], nodes[cut:]
    return Cut(tuple((a, b) for a in left for b in right), one_way(left, right))


TWO_WAY: tuple[Shape, ...] = (bisection, isolated_node, bridge, majorities_ring)
ONE_WAY: tuple[Shape, ...] = (no_incoming, no_outgoing, one_direction)
