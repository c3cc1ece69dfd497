"""Sets of one-way links between nodes, and how people are told what a set of them cuts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from targets.protocol.node import NodeId

Link = tuple[NodeId, NodeId]
"""(from, to): one direction."""


def between(left: Sequence[NodeId], right: Sequence[NodeId]) -> tuple[Link, ...]:
    """Every link from one side to the other, and back."""
    return tuple(link for a in left for b in right for link in ((a, b), (b, a)))


def sides(left: Sequence[NodeId], right: Sequence[NodeId]) -> str:
    """Two sides that are cut off from each other."""
    return f"{' '.join(sorted(left))} ╳ {' '.join(sorted(right))}"


def words(links: Collection[Link]) -> str:
    """What a set of links cuts, for people: two sides, if it parts two, else every link."""
    first = min(a for a, _ in links)
    right = sorted({b for a, b in links if a == first})
    left = sorted({a for a, b in links if b in right})
    apart = not set(left) & set(right)
    if apart and set(links) == set(between(left, right)):
        return sides(*sorted((left, right), key=len))
    if apart and set(links) == {(a, b) for a in left for b in right}:
        return f"{' '.join(left)} ↛ {' '.join(right)}"
    return ", ".join(f"{a}↛{b}" for a, b in sorted(links))
