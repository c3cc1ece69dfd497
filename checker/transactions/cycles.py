"""Cycles between transactions, named as Adya and Elle name them (Kingsbury, Alvaro: Elle, VLDB 2020, section 4).

    G0              only ww: writes of two transactions are interleaved
    G1c             ww and wr: two transactions saw each other
    G-single        exactly one rw, as in a read skew
    G-nonadjacent   several rw, none right after another, as in a long fork: snapshot isolation excludes these too
    G2-item         rw right after rw, as in a write skew, which snapshot isolation allows

With -process or -realtime where the order of a session, or of the clock, is needed to close the cycle. Of each kind the
shortest cycle found is kept, and in how many components of the graph there is one. The search is bounded by STATES_MAX;
what it misses has a weaker name, but a cyclic component always gives a cycle (`any_cycle`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from checker.transactions.edges import PASS, REALTIME, RW, SESSION, WR, WW, Edges
from checker.transactions.graph import components, rw_helpers
from checker.transactions.levels import Order
from checker.transactions.pairs import Pairs
from checker.transactions.steps import Cycle, Shape, Step
from checker.transactions.table import Table

STATES_MAX = 30_000
"""States visited for one kind of cycle."""

COMPONENTS_MAX = 200
STARTS_MAX = 300


_BASE = (
    ("G0", WW, (WW,), "none"),
    ("G1c", WR, (WW, WR), "none"),
    ("G-single", RW, (WW, WR, RW), "one"),
    ("G-nonadjacent", RW, (WW, WR, RW), "apart"),
    ("G2-item", RW, (WW, WR, RW), "pair"),
)
_SUFFIXES: tuple[tuple[str, int | None, tuple[int, ...]], ...] = (
    ("", None, ()),
    ("-process", SESSION, (SESSION,)),
    ("-realtime", REALTIME, (SESSION, REALTIME)),
)
ORDERS: tuple[Order, ...] = ("none", "session", "realtime")

KINDS = tuple(f"{name}{suffix}" for suffix, _, _ in _SUFFIXES for name, *_ in _BASE)
"""All names; within an order the gravest first."""


def named(edges: Edges, table: Table, order: Order) -> list[Cycle]:
    """The shortest cycle found of each kind that these edges have, the gravest first."""
    inside = _cyclic(edges)
    pairs = Pairs(inside, table)
    found: list[Cycle] = []
    bases = set()
    for suffix, needs, more in _SUFFIXES[: ORDERS.index(order) + 1]:
        for name, first, base, rw in _BASE:
            if (suffix and name in bases) or not len(inside):
                continue
            shape = Shape(name + suffix, first, frozenset((*base, *more)), rw, needs)
            cycle = pairs.find(shape) or _find(inside, shape)
            if cycle is not None:
                found.append(cycle)
                bases.add(name)
    return found


def _cyclic(edges: Edges) -> Edges:
    """The edges within components of more than one node."""
    _, label = components(edges.nodes, edges.src, edges.dst)
    return edges.where(label[edges.src] == label[edges.dst])


def _allowed(edges: Edges, kinds: frozenset[int]) -> Edges:
    """The edges of these kinds, and those that go on from helpers."""
    on = edges.kind == PASS
    if RW not in kinds:
        on &= ~rw_helpers(edges)[edges.src]
    return edges.where(np.isin(edges.kind, list(kinds)) | on)


def _find(edges: Edges, shape: Shape) -> Cycle | None:
    inside = _cyclic(_allowed(edges, shape.allowed))
    if not len(inside) or not (inside.kind == shape.first).any():
        return None
    if shape.needs is not None and not (inside.kind == shape.needs).any():
        return None
    _, label = components(inside.nodes, inside.src, inside.dst)
    begins = np.flatnonzero(inside.kind == shape.first)
    groups: dict[int, list[int]] = {}
    for at, group in zip(begins.tolist(), label[inside.src[begins]].tolist(), strict=True):
        groups.setdefault(group, []).append(at)
    graph = _Graph(inside)
    best: tuple[Step, ...] = ()
    count = 0
    budget = _Budget(STATES_MAX)
    for starts in sorted(groups.values(), key=len)[:COMPONENTS_MAX]:
        steps = _in_component(graph, inside, starts, shape, budget)
        count += bool(steps)
        if steps and (not best or len(steps) < len(best)):
            best = steps
        if budget.left <= 0 and best:
            break
    return Cycle(shape.name, best, max(count, 1)) if best else None


@dataclass
class _Budget:
    left: int


class _Graph:
    """Successors of each node: (to, kind, key)."""

    def __init__(self, edges: Edges) -> None:
        by_src = np.argsort(edges.src, kind="stable")
        self._begin = np.searchsorted(edges.src[by_src], np.arange(edges.nodes + 1)).tolist()
        self._to, self._kind, self._key = (column[by_src].tolist() for column in (edges.dst, edges.kind, edges.key))

    def following(self, node: int) -> Iterator[tuple[int, int, int]]:
        part = slice(self._begin[node], self._begin[node + 1])
        return zip(self._to[part], self._kind[part], self._key[part], strict=True)


def _in_component(graph: _Graph, edges: Edges, starts: list[int], shape: Shape, budget: _Budget) -> tuple[Step, ...]:
    best: tuple[Step, ...] = ()
    for at in _spread(starts):
        first = (int(edges.src[at]), int(edges.dst[at]), int(edges.kind[at]), int(edges.key[at]))
        steps = _closing(graph, first, shape, len(best) - 1 if best else None, budget)
        if steps and (not best or len(steps) < len(best)):
            best = steps
        if len(best) == 2 or budget.left <= 0:
            break
    return best


def _spread(starts: list[int]) -> Iterator[int]:
    """At most so many of the starts, evenly."""
    stride = max(len(starts) // STARTS_MAX, 1)
    return iter(starts[::stride])


_APART = ("apart", "lone")

State = tuple[int, bool, int, bool]
"""A node; whether the edge into it was an rw; how many rw so far (2: two or more); whether what is needed was seen."""


def _closing(
    graph: _Graph, first: tuple[int, int, int, int], shape: Shape, longest: int | None, budget: _Budget
) -> tuple[Step, ...]:
    """A shortest cycle of this shape that begins with the edge `first`, of at most `longest` steps; () if none."""
    start, node, kind, key = first
    rw = kind == RW
    begin: State = (node, rw, int(rw), kind == shape.needs or shape.needs is None)
    came: dict[State, tuple[State | None, int, int, int]] = {begin: (None, start, kind, key)}
    queue: deque[tuple[State, int]] = deque([(begin, 1)])
    while queue and budget.left > 0:
        state, depth = queue.popleft()
        budget.left -= 1
        node, by_rw, count, needed = state
        if node == start and needed and _fits(shape, count) and not (shape.rw in _APART and rw and by_rw and count > 1):
            return _path(state, came)
        if node == start or (longest is not None and depth > longest):
            continue
        for to, kind, key in graph.following(node):
            passes = kind == PASS
            now_rw = by_rw if passes else kind == RW
            if shape.rw == "pair" and depth == 1 and not passes and kind != RW:
                continue
            if not passes and kind == RW and ((shape.rw in _APART and by_rw) or (shape.rw == "one" and count)):
                continue
            now = (to, now_rw, count if passes else min(count + (kind == RW), 2), needed or kind == shape.needs)
            if now in came:
                continue
            came[now] = (state, node, kind, key)
            if passes:
                queue.appendleft((now, depth))
            else:
                queue.append((now, depth + 1))
    return ()


def _fits(shape: Shape, rw: int) -> bool:
    return {"none": rw == 0, "one": rw == 1, "apart": rw >= 2, "lone": rw >= 1, "pair": rw >= 2, "some": rw >= 1}[
        shape.rw
    ]


def _path(state: State, came: dict[State, tuple[State | None, int, int, int]]) -> tuple[Step, ...]:
    """The steps between transactions: what leads into a helper and goes on from it is one step."""
    steps: list[Step] = []
    at: State | None = state
    end = state[0]
    while at is not None:
        before, node, kind, key = came[at]
        if kind != PASS:
            steps.append(Step(node, end, kind, key))
            end = node
        at = before
    steps.reverse()
    return tuple(steps)


def fitting(cycles: list[Cycle], order: Order, *, snapshot: bool) -> Cycle | None:
    """Of cycles by name the gravest that refutes serializability, or snapshot isolation (`snapshot`), in an order."""
    beyond = [suffix for suffix, _, _ in _SUFFIXES[ORDERS.index(order) + 1 :]]
    fit = [
        cycle
        for cycle in cycles
        if not cycle.kind.endswith(tuple(beyond)) and not (snapshot and cycle.kind.startswith("G2-item"))
    ]
    return min(fit, key=lambda cycle: KINDS.index(cycle.kind), default=None)


def any_cycle(edges: Edges, order: Order, *, snapshot: bool) -> Cycle | None:
    """Whatever cycle refutes serializability, or snapshot isolation; None if there is none."""
    inside = _cyclic(edges)
    if not len(inside):
        return None
    return _walk(inside, order, snapshot)


def _walk(inside: Edges, order: Order, snapshot: bool) -> Cycle | None:
    """Whatever closed walk there is, in linear time from each start; for graphs too large for the shapes' search."""
    graph = _Graph(inside)
    more = (SESSION, REALTIME)[: ORDERS.index(order)]
    for first in (RW, WR, WW, *more):
        rw = "none" if first != RW else "lone" if snapshot else "some"
        shape = Shape("cycle", first, frozenset((WW, WR, RW, *more)), rw)
        starts = np.flatnonzero(inside.kind == first)
        for at in _spread(starts.tolist()):
            edge = (int(inside.src[at]), int(inside.dst[at]), int(inside.kind[at]), int(inside.key[at]))
            steps = _closing(graph, edge, shape, None, _Budget(100 * STATES_MAX))
            if steps:
                return Cycle(classified(steps), steps)
    return None


def at_every_level(cycle: Cycle, edges: Edges, known: Callable[[], Edges]) -> Cycle:
    """A cycle by a name that claims no more than reads show.

    `known`: the edges that hold at every level. The others ww of `edges` rest on that nothing comes between a version
    that a transaction read and the one that it wrote (`Versions.linked`), as serializability and snapshot isolation
    have it. At a weaker level something may: then a transaction missed what it overwrote, which is a G-single.
    """
    forced = [step.kind == WW and not _has(known(), step, WW) for step in cycle.steps]
    if not any(forced):
        return cycle
    read = [by and _has(edges, step, WR) for by, step in zip(forced, cycle.steps, strict=True)]
    steps = tuple(replace(step, kind=WR) if by else step for by, step in zip(read, cycle.steps, strict=True))
    kind = classified(steps)
    if forced != read and kind.startswith(("G0", "G1c")):
        kind = "G-single" + kind.removeprefix("G0").removeprefix("G1c")
    return Cycle(kind, steps, cycle.count)


def _has(edges: Edges, step: Step, kind: int) -> bool:
    between = (edges.src == step.before) & (edges.dst == step.after)
    return bool((between & (edges.kind == kind) & (edges.key == step.key)).any())


def classified(steps: tuple[Step, ...]) -> str:
    """The name of a cycle by its steps."""
    kinds = [step.kind for step in steps]
    rw = [kind == RW for kind in kinds]
    adjacent = any(one and other for one, other in zip(rw, rw[1:] + rw[:1], strict=True)) and sum(rw) > 1
    name = "G2-item" if adjacent else "G-nonadjacent" if sum(rw) > 1 else "G-single" if any(rw) else "G1c"
    if name == "G1c" and WR not in kinds:
        name = "G0"
    suffix = "-realtime" if REALTIME in kinds else "-process" if SESSION in kinds else ""
    return name + suffix


def shortest(edges: Edges) -> tuple[Step, ...]:
    """The shortest cycle found, whatever its edges are; they must have one."""
    inside = _cyclic(edges)
    graph = _Graph(inside)
    shape = Shape("cycle", WW, frozenset(), "none")
    best: tuple[Step, ...] = ()
    budget = _Budget(STATES_MAX)
    for at in _spread(list(range(len(inside)))):
        first = (int(inside.src[at]), int(inside.dst[at]), int(inside.kind[at]), int(inside.key[at]))
        steps = _closing(graph, first, shape, len(best) - 1 if best else None, budget if best else _Budget(10**9))
        best = steps or best
        if len(best) == 2 or budget.left <= 0:
            break
    return best
