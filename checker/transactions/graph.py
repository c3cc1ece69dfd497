"""Components and orders of large graphs, by scipy (Pearce's algorithm, linear)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.history import Column
from checker.transactions.edges import PASS, RW, Edges


def components(nodes: int, src: Column, dst: Column) -> tuple[int, Column]:
    """How many strongly connected components there are, and which one each node is in."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    if not nodes:
        return 0, np.zeros(0, dtype=np.int64)
    data = np.ones(len(src), dtype=np.int8)
    matrix = csr_matrix((data, (src.astype(np.int32), dst.astype(np.int32))), shape=(nodes, nodes))
    count, label = connected_components(matrix, directed=True, connection="strong")
    return int(count), label.astype(np.int64)


def order(nodes: int, src: Column, dst: Column) -> Column | None:
    """The nodes, each before those that it leads to; None if there is a cycle.

    Components are numbered as they are finished, so that of two on a path the later one is finished first.
    """
    count, label = components(nodes, src, dst)
    if count < nodes:
        return None
    place = label.max(initial=0) - label
    if len(src) and not (place[src] < place[dst]).all():
        place = label
        if not (place[src] < place[dst]).all():
            return _kahn(nodes, src, dst)
    return np.argsort(place, kind="stable")


def _kahn(nodes: int, src: Column, dst: Column) -> Column:
    by_src = np.argsort(src, kind="stable")
    begin = np.searchsorted(src[by_src], np.arange(nodes + 1)).tolist()
    following = dst[by_src].tolist()
    waits = np.bincount(dst, minlength=nodes).tolist()
    ready = [node for node in range(nodes) if not waits[node]]
    for node in ready:
        for later in following[begin[node] : begin[node + 1]]:
            waits[later] -= 1
            if not waits[later]:
                ready.append(later)
    return np.array(ready, dtype=np.int64)


def snapshots(edges: Edges) -> tuple[int, Column, Column, Column]:
    """The graph whose cycles are those without two rw in a row: node v is v's commit, v + nodes its start.

    a -> b asks that b starts after a committed; an rw, that b commits after a started. So an order of this graph is an
    execution under snapshot isolation. Returns also of which edge each one is (-1: of none).
    """
    count = edges.nodes
    rw = edges.kind == RW
    on = (edges.kind == PASS) & rw_helpers(edges)[edges.src]
    plain = ~(rw | on)
    both = np.arange(count)
    src = np.concatenate([edges.src[plain], edges.src[rw] + count, edges.src[on], both + count])
    dst = np.concatenate([edges.dst[plain] + count, edges.dst[rw], edges.dst[on], both])
    origin = [np.flatnonzero(plain), np.flatnonzero(rw), np.flatnonzero(on), np.full(count, -1)]
    return 2 * count, src, dst, np.concatenate(origin)


def rw_helpers(edges: Edges) -> NDArray[np.bool_]:
    """Which nodes are helpers that an rw leads into."""
    helper, reached = np.zeros(edges.nodes, dtype=bool), np.zeros(edges.nodes, dtype=bool)
    helper[edges.src[edges.kind == PASS]] = True
    reached[edges.dst[edges.kind == RW]] = True
    return helper & reached
