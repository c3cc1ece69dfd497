"""What must come before what: the constraint graph of a few operations on one register.

Edges between operations (`before` must precede `after` in every linearization):

* *real time*: `before` ended before `after` began.
* *read by*: `after` found the value that `before` wrote.
* *read older than*: `before` found a value that must be older than the one `after` wrote.
* *overwritten by*: `before` comes ahead of somebody who found the value of `after`, so `after` wrote later.

The last two follow from others, so they are added one at a time until a cycle closes (the saturation of Gibbons and
Korach, "Testing Shared Memories", 1997, for unique values). Values which two operations of the set may have written
give no edges but those of time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import networkx as nx

from checker.history import Operation, Table
from checker.verdict import Edge

SATURATE_MAX = 48
"""Above this number of operations only real time and read-by edges are drawn."""


class Constraints:
    """The operations of a counterexample, the values they found and left, and the graph between them."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = sorted(operations, key=lambda op: (op.call, op.index))
        self.by_index = {op.index: op for op in self.operations}
        self.table = Table()
        self.found: dict[int, int] = {}
        """Per operation (by index) that found a value, its code; 0 is the initial value."""
        self.left: dict[int, int] = {}
        """Per operation that may have left a value, its code."""
        for op in self.operations:
            self._note(op)
        self.writers: dict[int, list[int]] = {}
        for index, code in self.left.items():
            self.writers.setdefault(code, []).append(index)

    def _note(self, op: Operation) -> None:
        code = self.table.code
        if op.f == "read" and not op.pending:
            self.found[op.index] = code(op.output)
        elif op.f in ("write", "delete"):
            self.left[op.index] = code(op.input if op.f == "write" else None)
        elif op.f == "cas" and isinstance(op.input, tuple) and len(op.input) == 2 and op.output is not False:
            source, target = code(op.input[0]), code(op.input[1])
            self.found[op.index] = source
            if source != target:
                self.left[op.index] = target

    def writer(self, code: int) -> int | None:
        """The only operation that wrote a value; None if there is none, or if several come into question."""
        writers = self.writers.get(code, [])
        return writers[0] if len(writers) == 1 and code != 0 else None

    def readers(self, code: int) -> list[int]:
        """The operations that found a value, in order of call."""
        return [index for index, found in self.found.items() if found == code]

    def cycle(self) -> tuple[Edge, ...]:
        """A short cycle, beginning with the edge that closed it; empty if these edges make none."""
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(self.by_index)
        for a in self.operations:
            for b in self.operations:
                if a.ret < b.call:
                    graph.add_edge(a.index, b.index, why="real time")
        for reader, code in self.found.items():
            writer = self.writer(code)
            if writer is not None and writer != reader:
                graph.add_edge(writer, reader, why="read by")
                if cycle := _closing(graph, Edge(writer, reader, "read by")):
                    return cycle
        if len(self.operations) > SATURATE_MAX:
            return ()
        while candidates := list(self._derived(graph)):
            closed = [cycle for edge in candidates if (cycle := _closing(graph, edge))]
            if closed:
                return min(closed, key=_plainness)
            graph.add_edge(candidates[0].before, candidates[0].after, why=candidates[0].why)
        return ()

    def _derived(self, graph: nx.DiGraph[int]) -> Iterator[Edge]:
        """Edges that follow from the graph so far and are not in it: first reads of older values, then overwrites."""
        reach = {index: nx.descendants(graph, index) for index in self.by_index}
        sole = [w for w, code in self.left.items() if self.writer(code) == w]
        for reader, code in self.found.items():
            own = self.writer(code)
            if own is None and not (code == 0 and not self.writers.get(0)):
                continue
            for other in sole:
                older = own is None or other in reach[own]
                if other not in (own, reader) and older and not graph.has_edge(reader, other):
                    yield Edge(reader, other, "read older than")
        for reader, code in self.found.items():
            own = self.writer(code)
            for other in sole:
                if (
                    own is not None
                    and other not in (own, reader)
                    and reader in reach[other]
                    and own not in reach[other]
                ):
                    yield Edge(other, own, "overwritten by")


def _plainness(cycle: tuple[Edge, ...]) -> tuple[int, bool, int]:
    """Least for the cycle that is easiest to follow: few derived edges, an old value read after a new one, short."""
    derived = sum(edge.why in ("read older than", "overwritten by") for edge in cycle)
    stale = cycle[0].why == "read older than" and cycle[-1].why == "real time"
    return derived, not stale, len(cycle)


def _closing(graph: nx.DiGraph[int], edge: Edge) -> tuple[Edge, ...]:
    """The shortest cycle through an edge which may not be in the graph yet; empty if there is none."""
    if not nx.has_path(graph, edge.after, edge.before):
        return ()
    path = nx.shortest_path(graph, edge.after, edge.before)
    return (edge, *(Edge(a, b, graph.edges[a, b]["why"]) for a, b in pairwise(path)))
