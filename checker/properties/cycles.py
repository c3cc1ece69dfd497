"""Cycles of dependencies between transactions, named as Adya and Elle name them (Kingsbury, Alvaro 2020, section 4).

    G0          only ww: writes of two transactions are interleaved
    G1c         ww and wr: two transactions saw each other
    G-single    exactly one rw, as in a read skew
    G2          two or more rw, as in a write skew

They are looked for in that order, the strongest first, so a history gets the gravest name that was found. The search
is bounded: after STARTS_MAX starts within a class, it goes on to the next, and the last class finds whatever cycle
there is. So a history with a cycle never passes; only its name may be a weaker one.
"""

from __future__ import annotations

from collections import deque

import networkx as nx

from checker.verdict import Edge

STARTS_MAX = 500


WORDS = {
    "G0": "a cycle of writes",
    "G1c": "a cycle of writes and reads",
    "G-single": "a read skew",
    "G2": "a write skew",
}


def find(graph: nx.DiGraph[int]) -> tuple[str, list[Edge]] | None:
    """The gravest cycle's name and its edges in order, or None if the graph has no cycle."""

    def kinds(a: int, b: int) -> set[str]:
        return set(graph.edges[a, b]["why"])

    for name, wanted in (("G0", {"ww"}), ("G1c", {"ww", "wr"}), ("G-single", {"ww", "wr"}), ("G2", {"ww", "wr", "rw"})):
        inside = nx.DiGraph((a, b) for a, b in graph.edges if kinds(a, b) & wanted)
        cycle = _single(graph, inside) if name == "G-single" else _shortest(inside)
        if cycle:
            pairs = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
            # a pair may depend in several ways: show the way that the class needs, the strongest one
            edges = [Edge(a, b, _why(graph, a, b)) for a, b in pairs]
            return name, edges
    return None


def _why(graph: nx.DiGraph[int], a: int, b: int) -> str:
    why = graph.edges[a, b]["why"]
    kind = next(kind for kind in ("ww", "wr", "rw") if kind in why)
    return f"{kind} {why[kind]}"


def _path(graph: nx.DiGraph[int], start: int, goal: int) -> list[int]:
    """A shortest path of at least one edge, without the goal if it is the start; empty if there is none."""
    before: dict[int, int] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for following in sorted(graph.successors(node)):
            if following == goal:
                path = [node]
                while path[-1] != start:
                    path.append(before[path[-1]])
                path.reverse()
                return path if goal == start else [*path, goal]
            if following not in before and following != start:
                before[following] = node
                queue.append(following)
    return []


def _shortest(graph: nx.DiGraph[int]) -> list[int]:
    best: list[int] = []
    for component in nx.strongly_connected_components(graph):
        if len(component) < 2:
            continue
        inside = nx.DiGraph(graph.subgraph(component))
        for start in sorted(component)[:STARTS_MAX]:
            found = _path(inside, start, start)
            if not best or len(found) < len(best):
                best = found
            if len(best) == 2:
                return best
    return best


def _single(graph: nx.DiGraph[int], rest: nx.DiGraph[int]) -> list[int]:
    """The shortest cycle of one rw edge and a path of `rest`, which has no cycle of its own."""
    best: list[int] = []
    tried = 0
    for component in nx.strongly_connected_components(graph):
        if len(component) < 2:
            continue
        inside = nx.DiGraph(rest.subgraph(component))
        for a, b in sorted(graph.subgraph(component).edges):
            if tried == STARTS_MAX or len(best) == 2:
                return best
            if "rw" not in graph.edges[a, b]["why"] or a not in inside or b not in inside:
                continue
            tried += 1
            found = _path(inside, b, a)
            if found and (not best or len(found) < len(best)):
                best = found
    return best
