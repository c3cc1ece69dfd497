"""The shapes of partitions, as sets of one-way links. Each takes the nodes in a drawn order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from targets.protocol.fault import Cut, Link
from targets.protocol.links import between, sides
from targets.protocol.node import NodeId

Shape = Callable[[Sequence[NodeId]], Cut]


def links(nodes: Sequence[NodeId]) -> tuple[Link, ...]:
    """Every link between two of the nodes, in both directions."""
    return tuple((a, b) for a in nodes for b in nodes if a != b)


def halves(nodes: Sequence[NodeId]) -> Cut:
    """A majority and a minority (or two halves of an even number) that do not hear each other."""
    cut = len(nodes) // 2
    return Cut(between(nodes[:cut], nodes[cut:]), sides(nodes[:cut], nodes[cut:]))


def isolate(nodes: Sequence[NodeId]) -> Cut:
    """The first node alone."""
    return Cut(between(nodes[:1], nodes[1:]), sides(nodes[:1], nodes[1:]))


def bridge(nodes: Sequence[NodeId]) -> Cut:
    """Two halves that both hear the first node, and not each other."""
    middle, rest = nodes[0], nodes[1:]
    cut = len(rest) // 2
    left, right = rest[:cut], rest[cut:]
    return Cut(between(left, right), f"{sides(left, right)} bridged by {middle}")


def ring(nodes: Sequence[NodeId]) -> Cut:
    """Every node hears only its two neighbours: each sees a majority of its own (of five or more nodes)."""
    n = len(nodes)
    kept = {(nodes[i], nodes[(i + step) % n]) for i in range(n) for step in (1, -1)}
    return Cut(tuple(link for link in links(nodes) if link not in kept), f"ring {' '.join(nodes)}")


def deaf(nodes: Sequence[NodeId]) -> Cut:
    """The first node hears nobody, but is heard (one-way)."""
    return Cut(tuple((b, nodes[0]) for b in nodes[1:]), f"{nodes[0]} deaf")


def mute(nodes: Sequence[NodeId]) -> Cut:
    """Nobody hears the first node, which hears all (one-way)."""
    return Cut(tuple((nodes[0], b) for b in nodes[1:]), f"{nodes[0]} mute")


def crossed(nodes: Sequence[NodeId]) -> Cut:
    """One side hears the other, but not the other way round."""
    cut = len(nodes) // 2
    left, right = nodes[:cut], nodes[cut:]
    return Cut(tuple((a, b) for a in left for b in right), f"{' '.join(sorted(left))} ↛ {' '.join(sorted(right))}")


TWO_WAY: tuple[Shape, ...] = (halves, isolate, bridge, ring)
ONE_WAY: tuple[Shape, ...] = (deaf, mute, crossed)
