"""Cycles of dependencies between transactions, named as Adya and Elle name them (Kingsbury, Alvaro 2020, section 4).

    G0          only ww: writes of two transactions are interleaved
    G1c         ww and wr: two transactions saw each other
    G-single    exactly one rw, as in a read skew
    G-nonadjacent   several rw, none right after another, as in a long fork: snapshot isolation excludes these too
    G2          rw right after rw, as in a write skew, which snapshot isolation allows

They are looked for in that order, the strongest first, so a history gets the gravest name that was found. The search
is bounded: after STARTS_MAX starts within a class, it goes on to the next, and the last class finds whatever cycle
there is. So a history with a cycle never passes; only its name may be a weaker one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import networkx as nx

from checker.verdict import Edge

STARTS_MAX = 500


WORDS = {
    "G0": "a cycle of writes",
    "G1c": "a cycle of writes and reads",
    "G-single": "a read skew",
    "G-nonadjacent": "a long fork",
    "G2": "a cycle of reads that missed writes",
}


def words(name: str, edges: list[Edge]) -> str:
    """What a cycle is called in a sentence."""
    skew = name == "G2" and len(edges) == 2 and all(edge.why.startswith("rw") for edge in edges)
    return "a write skew" if skew else WORDS[name]


def find(graph: nx.DiGraph[int]) -> tuple[str, list[Edge]] | None:
    """The gravest cycle's name and its edges in order, or None if the graph has no cycle."""

    def kinds(a: int, b: int) -> set[str]:
        return set(graph.edges[a, b]["why"])

    def inside(*wanted: str) -> nx.DiGraph[int]:
        return nx.DiGraph((a, b) for a, b in graph.edges if kinds(a, b).intersection(wanted))

    searches: tuple[tuple[str, Callable[[], list[int]]], ...] = (
        ("G0", lambda: _shortest(inside("ww"))),
        ("G1c", lambda: _shortest(inside("ww", "wr"))),
        ("G-single", lambda: _single(graph, inside("ww", "wr"))),
        ("G-nonadjacent", lambda: _nonadjacent(graph)),
        ("G2", lambda: _shortest(inside("ww", "wr", "rw"))),
    )
    for name, look in searches:
        cycle = look()
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


def _nonadjacent(graph: nx.DiGraph[int]) -> list[int]:
    """The shortest cycle found in which no rw edge follows another: breadth first on (node, reached by rw)."""
    best: list[int] = []
    tried = 0
    for component in nx.strongly_connected_components(graph):
        if len(component) < 3:
            continue
        inside = graph.subgraph(component)
        for a, b in sorted(inside.edges):
            if tried == STARTS_MAX:
                return best
            if set(graph.edges[a, b]["why"]) != {"rw"}:
                continue
            tried += 1
            found = _back(inside, a, b)
            if found and (not best or len(found) < len(best)):
                best = found
    return best


def _back(graph: nx.DiGraph[int], a: int, b: int) -> list[int]:
    """The nodes of a shortest cycle that begins with the rw edge from a to b and has no two in a row; [] if none, or
    if it passes a node twice."""
    before: dict[tuple[int, bool], tuple[int, bool] | None] = {(b, True): None}
    queue = deque([(b, True)])
    while queue:
        node, by_rw = queue.popleft()
        for following in sorted(graph.successors(node)):
            rw = set(graph.edges[node, following]["why"]) == {"rw"}
            if rw and (by_rw or following == a):
                continue
            if following == a:
                path: list[int] = []
                at: tuple[int, bool] | None = (node, by_rw)
                while at is not None:
                    path.append(at[0])
                    at = before[at]
                cycle = [a, *reversed(path)]
                return cycle if len(set(cycle)) == len(cycle) else []
            if (following, rw) not in before:
                before[following, rw] = (node, by_rw)
                queue.append((following, rw))
    return []
