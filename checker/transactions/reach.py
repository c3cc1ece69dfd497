"""Reachability in an acyclic graph as rows of bits, and shortest paths."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from checker.history import Column


class Reach:
    """`of[u]` has the bit v where a path of at least one edge leads from u to v."""

    def __init__(self, nodes: int, src: Column, dst: Column, ordered: Column) -> None:
        words = (nodes + 63) // 64
        self.of = np.zeros((nodes, words), dtype=np.uint64)
        by_src = np.argsort(src, kind="stable")
        following = dst[by_src]
        begin = np.searchsorted(src[by_src], np.arange(nodes + 1)).tolist()
        word, bit = following >> 6, np.uint64(1) << (following & 63).astype(np.uint64)
        rows = self.of
        for node in ordered[::-1].tolist():
            first, last = begin[node], begin[node + 1]
            if first == last:
                continue
            row = rows[node]
            if last - first == 1:
                row |= rows[following[first]]
            else:
                np.bitwise_or.reduce(rows[following[first:last]], axis=0, out=row)
            np.bitwise_or.at(row, word[first:last], bit[first:last])

    def leads(self, sources: Column, targets: Column) -> NDArray[np.bool_]:
        """Whether each source reaches the target beside it."""
        words = self.of[sources, targets >> 6]
        return (words >> (targets & 63).astype(np.uint64)) & np.uint64(1) != 0  # type: ignore[no-any-return]

    def add(self, before: int, after: int) -> bool:
        """Take in an edge more. False if it closes a cycle, and then nothing has changed."""
        known = self.of
        word, bit = after >> 6, np.uint64(1) << np.uint64(after & 63)
        back = known[after, before >> 6] >> np.uint64(before & 63) & np.uint64(1)
        if before == after or back:
            return False
        if not known[before, word] & bit:
            beyond = known[after].copy()
            beyond[word] |= bit
            above = known[:, before >> 6] >> np.uint64(before & 63) & np.uint64(1)
            rows = np.append(np.flatnonzero(above), before)
            known[rows] |= beyond
        return True


def path(following: list[list[tuple[int, int]]], start: int, goal: int, before: int) -> list[int]:
    """The numbers of the edges of a shortest path, of those with a number below `before`. `following[u]`: (v, edge)."""
    came: dict[int, tuple[int, int]] = {start: (-1, -1)}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for to, edge in following[node]:
            if edge < before and to not in came:
                came[to] = (node, edge)
                if to == goal:
                    return _back(came, start, goal)
                queue.append(to)
    raise AssertionError("no path where reachability says there is one")


def _back(came: dict[int, tuple[int, int]], start: int, goal: int) -> list[int]:
    edges: list[int] = []
    node = goal
    while node != start:
        node, edge = came[node]
        edges.append(edge)
    return edges[::-1]
