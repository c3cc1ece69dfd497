"""Sets of one-way links between nodes, and how reports describe what a set of them cuts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from targets.protocol.node import NodeId

Link = tuple[NodeId, NodeId]
"""(from, to): one direction."""


def between(left: Sequence[NodeId], right: Sequence[NodeId]) -> tuple[Link, ...]:
    """Every link from one side to the other, and back."""
    return tuple(link for a in left for b in right for link in ((a, b), (b, a)))


def braced(nodes: Iterable[NodeId]) -> str:
    """A set of nodes as reports show it: `{n1,n2}`."""
    return f"{{{','.join(sorted(nodes))}}}"


def sides(left: Iterable[NodeId], right: Iterable[NodeId]) -> str:
    """Two sides with no link between them."""
    return f"{braced(left)} | {braced(right)}"


def one_way(senders: Iterable[NodeId], receivers: Iterable[NodeId]) -> str:
    """Two sides of which the first cannot reach the second."""
    return f"{braced(senders)} ↛ {braced(receivers)}"


def described(links: Collection[Link]) -> str:
    """What a set of links cuts: two sides, if it separates two, else every link."""
    first = min(a for a, _ in links)
    right = sorted({b for a, b in links if a == first})
    left = sorted({a for a, b in links if b in right})
    apart = not set(left) & set(right)
    if apart and set(links) == set(between(left, right)):
        return sides(*sorted((left, right), key=len))
    if apart and set(links) == {(a, b) for a in left for b in right}:
        return one_way(left, right)
    return ", ".join(f"{a} ↛ {b}" for a, b in sorted(links))
