"""What must come before what: the constraint graph of a few operations on one register.

Edges between operations (`before` must precede `after` in every linearization):

* *real time*: `before` ended before `after` began.
* *read by*: `after` found the value that `before` wrote.
* *read older than*: `before` found a value that must be older than the one `after` wrote.
* *overwritten by*: `before` comes ahead of an operation that found the value of `after`, so `after` wrote later.

The last two follow from others, so they are added one at a time until a cycle closes (the saturation of Gibbons and
Korach, "Testing Shared Memories", 1997, for unique values). Where several operations may have written the value that an
operation found (a delete leaves the same as the beginning), those are ruled out that come after it, or that another
value certainly replaced before it; edges are drawn when one is left. If none is left, that is the contradiction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import networkx as nx

from checker.history import Operation, Table
from checker.verdict import Edge

SATURATE_MAX = 48
"""Above this number of operations only real time and read-by edges are drawn."""

BEGINNING = -1
"""In the place of an operation: the value was there from the beginning."""

Reach = Mapping[int, set[int]]


class Constraints:
    """The operations of a counterexample, the values they found and left, and the graph between them.

    Edges rest on the operations given here: those of a proof, which may say less than the history (`Model.without`).
    """

    def __init__(self, operations: Sequence[Operation], begins_with: Any = None) -> None:
        self.operations = sorted(operations, key=lambda op: (op.call, op.index))
        self.by_index = {op.index: op for op in self.operations}
        self.table = Table()
        self.begins = self.table.code(begins_with)
        """The code of the initial value."""
        self.found: dict[int, int] = {}
        """Per operation (by index) that certainly found a value, its code."""
        self.left: dict[int, int] = {}
        """Per operation that may have left a value, its code."""
        for op in self.operations:
            self._note(op)
        self.writers: dict[int, list[int]] = {}
        for index, code in self.left.items():
            self.writers.setdefault(code, []).append(index)
        self.certain = self._certain()
        """The operations that left a value for certain: those that ended, and pending ones whose value was found."""
        for index in [index for index in self.found if self.by_index[index].pending and index not in self.certain]:
            del self.found[index]  # it may never have happened

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

    def _certain(self) -> set[int]:
        certain = {index for index in self.left if not self.by_index[index].pending}
        todo = [code for index, code in self.found.items() if not self.by_index[index].pending]
        while todo:
            writer = self.writer(todo.pop())
            if writer is not None and writer not in certain:
                certain.add(writer)
                if writer in self.found:
                    todo.append(self.found[writer])
        return certain

    def writer(self, code: int) -> int | None:
        """The only operation that wrote a value; None if there is none, or if several come into question."""
        writers = self.writers.get(code, [])
        return writers[0] if len(writers) == 1 and code != self.begins else None

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

    def sources(self, reader: int, reach: Reach) -> tuple[list[int], list[int]]:
        """The operations (or BEGINNING) that may have left what an operation found: all, and those not ruled out."""
        code = self.found[reader]
        every = [w for w in self.writers.get(code, []) if w != reader]
        if code == self.begins:
            every.append(BEGINNING)
        return every, [w for w in every if w not in reach[reader] and not self._replaced(w, reader, reach)]

    def _replaced(self, writer: int, reader: int, reach: Reach) -> list[int]:
        """The operations that certainly left another value between these two."""
        return [
            other
            for other in self.certain
            if other not in (writer, reader)
            and self.left[other] != self.found[reader]
            and (writer == BEGINNING or other in reach[writer])
            and reader in reach[other]
        ]

    def _derived(self, graph: nx.DiGraph[int]) -> Iterator[Edge]:
        """Edges that follow from the graph so far and are not in it: first reads of older values, then overwrites."""
        reach = {index: nx.descendants(graph, index) for index in self.by_index}
        sources: dict[int, int] = {}
        for reader in self.found:
            every, left = self.sources(reader, reach)
            if len(left) == 1:
                sources[reader] = left[0]
            elif every and not left:
                between = [set(self._replaced(w, reader, reach)) for w in every if w not in reach[reader]]
                for other in sorted(set.intersection(*between) if between else ()):
                    yield Edge(reader, other, "read older than")
        for reader, own in sources.items():
            if own != BEGINNING and not graph.has_edge(own, reader):
                yield Edge(own, reader, "read by")
        for reader, own in sources.items():
            for other in self._others(reader, own):
                older = own == BEGINNING or other in reach[own]
                if older and not graph.has_edge(reader, other):
                    yield Edge(reader, other, "read older than")
        for reader, own in sources.items():
            for other in self._others(reader, own) if own != BEGINNING else ():
                if reader in reach[other] and own not in reach[other]:
                    yield Edge(other, own, "overwritten by")

    def _others(self, reader: int, own: int) -> list[int]:
        """The operations that certainly left another value than this one found, in order of call."""
        return [
            op.index
            for op in self.operations
            if op.index in self.certain and op.index not in (own, reader) and self.left[op.index] != self.found[reader]
        ]


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
