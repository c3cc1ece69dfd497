"""Cycles of two transactions, all at once: most anomalies show themselves so, and then no search is needed."""

from __future__ import annotations

import numpy as np

from checker.history import OK, Column
from checker.transactions.edges import PASS, REALTIME, RW, SESSION, WR, WW, Edges
from checker.transactions.graph import components
from checker.transactions.steps import Cycle, Shape, Step
from checker.transactions.table import Table


class Pairs:
    """The edges within components, as pairs of transactions: direct ones, and of those by way of a helper the one to
    the transaction that returned first."""

    def __init__(self, inside: Edges, table: Table) -> None:
        count = len(table)
        self.table = table
        direct = np.isin(inside.kind, (WW, WR, RW)) & (inside.dst < count)
        into = np.flatnonzero((inside.kind == RW) & (inside.dst >= count))
        first = np.full(inside.nodes, -1, dtype=np.int64)
        out = np.flatnonzero((inside.kind == PASS) & (inside.dst < count))
        late = out[np.argsort(-table.ret[inside.dst[out]], kind="stable")]
        first[inside.src[late]] = inside.dst[late]
        by = into[first[inside.dst[into]] >= 0]
        self.src = np.concatenate([inside.src[direct], inside.src[by]])
        self.dst = np.concatenate([inside.dst[direct], first[inside.dst[by]]])
        self.kind = np.concatenate([inside.kind[direct], inside.kind[by]])
        self.key = np.concatenate([inside.key[direct], inside.key[by]])
        self.label = components(inside.nodes, inside.src, inside.dst)[1] if len(inside) else inside.src
        self.nodes = max(count, 1)

    def find(self, shape: Shape) -> Cycle | None:
        """A cycle of two of this shape, counted by components; None if there is none."""
        if shape.rw == "apart" or not len(self.src):
            return None
        first = np.flatnonzero(self.kind == shape.first)
        if shape.needs is not None:
            return self._closed_by_order(first, shape)
        others = np.flatnonzero(np.isin(self.kind, list(self._second(shape))))
        names = self.src[others] * self.nodes + self.dst[others]
        order = np.argsort(names, kind="stable")
        sought = self.dst[first] * self.nodes + self.src[first]
        at = np.minimum(np.searchsorted(names[order], sought), max(len(order) - 1, 0))
        hit = np.flatnonzero(names[order][at] == sought) if len(order) else order
        if not len(hit):
            return None
        one, other = int(first[hit[0]]), int(others[order[at[hit[0]]]])
        return Cycle(shape.name, (self._step(one), self._step(other)), self._count(self.src[first[hit]]))

    def _second(self, shape: Shape) -> frozenset[int]:
        kinds = shape.allowed & {WW, WR, RW}
        return frozenset({RW}) if shape.rw == "pair" else kinds - {RW} if shape.rw == "one" else kinds

    def _closed_by_order(self, first: Column, shape: Shape) -> Cycle | None:
        if shape.rw == "pair":
            return None
        src, dst, table = self.src[first], self.dst[first], self.table
        sure = table.status[dst] == OK
        if shape.needs == REALTIME:
            closed = sure & (table.ret[dst] < table.call[src])
        else:
            closed = sure & (table.session[dst] == table.session[src]) & (dst < src)
        hit = np.flatnonzero(closed)
        if not len(hit):
            return None
        step = self._step(int(first[hit[0]]))
        back = Step(step.after, step.before, REALTIME if shape.needs == REALTIME else SESSION, -1)
        return Cycle(shape.name, (step, back), self._count(src[hit]))

    def _step(self, at: int) -> Step:
        return Step(int(self.src[at]), int(self.dst[at]), int(self.kind[at]), int(self.key[at]))

    def _count(self, nodes: Column) -> int:
        return len(np.unique(self.label[nodes]))
