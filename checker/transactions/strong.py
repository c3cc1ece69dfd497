"""Whether the versions whose order is not known have one under which there is no cycle: exact, with a proof either way.

Serializability over unknown version orders is NP-hard (Papadimitriou 1979), so the easy cases come first:

1. What is known has a cycle: refuted.
2. A few guesses, such as chains in about the order in which their transactions ended: no cycle, so the order is found.
3. Propagation: of two chains, one order would close a cycle with what is known, so the other one holds; until nothing
   more follows (Cobra, OSDI 2020; PolySI, VLDB 2023, which then ask a solver).
4. Search: an open choice is tried both ways, each with propagation. A conflict names the choices that it rests on, so
   that those which do not matter are not tried again (conflict-directed backjumping).

A refutation is a list of lemmas (this chain precedes that one, as the opposite closes this cycle), and then a cycle, or
a choice with a refutation of either side.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from checker.budget import Budget, Meter, OutOfBudget
from checker.history import INFO, Column
from checker.transactions.choices import Chains, open_chains
from checker.transactions.cycles import any_cycle, fitting
from checker.transactions.edges import RW, Edges, of_order
from checker.transactions.graph import order, snapshots
from checker.transactions.levels import Order
from checker.transactions.steps import Choice, Cycle, Step
from checker.transactions.table import Table
from checker.transactions.versions import Versions
from checker.transactions.walk import walk

EVENTS_MAX = 24_000
"""Larger graphs are not propagated: their reachability would take more than 72 MB, and seconds each time."""


@dataclass(frozen=True)
class Lemma:
    """`holds`, as its opposite (`otherwise`) would close this cycle."""

    holds: Choice
    otherwise: Choice
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Refutation:
    """Lemmas, each by those before it; then a cycle, or a choice with a refutation of either side."""

    lemmas: tuple[Lemma, ...] = ()
    steps: tuple[Step, ...] = ()
    sides: tuple[tuple[Choice, Refutation], tuple[Choice, Refutation]] | None = None

    def txns(self) -> set[int]:
        """All transactions that it mentions."""
        steps = [*self.steps, *(step for lemma in self.lemmas for step in lemma.steps)]
        found = {txn for step in steps for txn in (step.before, step.after)}
        for _, side in self.sides or ():
            found |= side.txns()
        return found


@dataclass(frozen=True)
class Strong:
    """What was found: an order of events, a refutation, or why neither."""

    events: Column | None = None
    """Serializable: transactions in a serial order. Snapshot isolation: each twice, where it starts and commits."""
    cycle: Cycle | None = None
    refutation: Refutation | None = None
    reason: str | None = None


@dataclass
class Problem:
    """The graph of events and the open choices. Snapshot isolation: node v is v's commit, v + nodes its start."""

    table: Table
    edges: Edges
    snapshot: bool
    nodes: int
    src: Column
    dst: Column
    origin: Column
    """Of which edge each one is (-1: from a start to its commit)."""
    chains: list[Chains]

    def event(self, step: tuple[int, int, int]) -> tuple[int, int]:
        """The events that an edge between two transactions orders."""
        before, after, kind = step
        if not self.snapshot:
            return before, after
        return (before + self.edges.nodes, after) if kind == RW else (before, after + self.edges.nodes)

    def txn(self, node: int) -> int:
        return node % self.edges.nodes


def decide(
    table: Table,
    versions: Versions,
    known: Edges,
    level_order: Order,
    budget: Budget,
    cycles: Callable[[], list[Cycle]],
    *,
    snapshot: bool,
) -> Strong:
    """Whether the happened transactions have an order at this level. `versions` are linked, `known` its edges;
    `cycles` names those of known edges, sessions and real time."""
    edges = known.plus(of_order(table, level_order, known.nodes, versions.happened))
    nodes, src, dst, origin = _graph(edges, snapshot=snapshot)
    events = order(nodes, src, dst)
    if events is None:
        cycle = fitting(cycles(), level_order, snapshot=snapshot) or any_cycle(edges, level_order, snapshot=snapshot)
        return (
            Strong(cycle=cycle)
            if cycle
            else Strong(reason="a cycle was found and could not be shown: please report this")
        )
    chains = open_chains(versions, snapshot=snapshot)
    problem = Problem(table, edges, snapshot, nodes, src, dst, origin, chains)
    if not chains:
        return Strong(events=_events(problem, events, versions))
    for guessed in _guesses(problem, known, versions, level_order):
        found = _ordered(problem, guessed, src, dst)
        if found is not None:
            return Strong(events=_events(problem, found, versions))
    if nodes > EVENTS_MAX:
        return Strong(reason=f"{_open(problem)}; {nodes:,} events are too many to try what follows from each order")
    from checker.transactions.solver import Solver

    solver = Solver(problem, Meter(budget))
    try:
        answer = solver.solve()
    except OutOfBudget as out:
        return Strong(reason=f"{_open(problem)}; {out} after {solver.conflicts:,} contradictions")
    if isinstance(answer, Refutation):
        return Strong(refutation=answer)
    return Strong(events=_events(problem, answer, versions))


def _graph(edges: Edges, *, snapshot: bool) -> tuple[int, Column, Column, Column]:
    return snapshots(edges) if snapshot else (edges.nodes, edges.src, edges.dst, np.arange(len(edges)))


def _open(problem: Problem) -> str:
    keys = len(problem.chains)
    return f"the order of versions is not known for {keys:,} {'key' if keys == 1 else 'keys'}"


def _events(problem: Problem, events: Column, versions: Versions) -> Column:
    """Without helpers, and what did not happen."""
    nodes = problem.edges.nodes
    txn = events % nodes
    keep = txn < len(problem.table)
    keep[keep] = versions.happened[txn[keep]]
    return txn[keep]


def _guesses(problem: Problem, known: Edges, versions: Versions, level_order: Order) -> Iterator[Column]:
    """Orders of events to take the order of chains from: one that explains every read in real time, if it is found; one
    that keeps real time, if there is one; and one by time."""
    if problem.table.data == "register" and level_order == "realtime" and not problem.snapshot:
        # the other levels hold where this one does, which is tried first: the same walk would not help them
        walked = walk(problem.table, versions.happened)
        if walked is not None:
            yield walked
    if level_order != "realtime":
        edges = known.plus(of_order(problem.table, "realtime", known.nodes, versions.happened))
        nodes, src, dst, _ = _graph(edges, snapshot=problem.snapshot)
        strict = order(nodes, src, dst)
        if strict is not None:
            place = np.empty(nodes, dtype=np.int64)
            place[strict] = np.arange(nodes)
            yield place[: len(problem.table)]
    yield by_time(problem, problem.src, problem.dst)


def by_time(problem: Problem, src: Column, dst: Column) -> Column:
    """The place of each transaction's commit in an order of events by about when they happened."""
    import heapq

    table, nodes = problem.table, problem.nodes
    when = np.full(nodes, np.iinfo(np.int64).min)
    ended = np.where(table.status == INFO, table.call, table.ret)
    when[: len(table)] = ended
    if problem.snapshot:
        when[problem.edges.nodes : problem.edges.nodes + len(table)] = table.call
    by_src = np.argsort(src, kind="stable")
    begin = np.searchsorted(src[by_src], np.arange(nodes + 1)).tolist()
    following, waits, at = dst[by_src].tolist(), np.bincount(dst, minlength=nodes).tolist(), when.tolist()
    ready = [(at[node], node) for node in range(nodes) if not waits[node]]
    heapq.heapify(ready)
    place, count = np.zeros(nodes, dtype=np.int64), 0
    while ready:
        _, node = heapq.heappop(ready)
        place[node] = count
        count += 1
        for later in following[begin[node] : begin[node + 1]]:
            waits[later] -= 1
            if not waits[later]:
                heapq.heappush(ready, (at[later], later))
    return place[: len(table)]


def guessed_edges(problem: Problem, place: Column) -> tuple[Column, Column]:
    """The events that follow if each key's chains come in the order of the commits that began them."""
    src: list[int] = []
    dst: list[int] = []
    for chains in problem.chains:
        ordered = np.argsort(place[chains.began], kind="stable").tolist()
        for first, second in itertools.pairwise(ordered):
            for step in chains.edges(first, second):
                before, after = problem.event(step)
                src.append(before)
                dst.append(after)
    return np.array(src, dtype=np.int64), np.array(dst, dtype=np.int64)


def _ordered(problem: Problem, place: Column, src: Column, dst: Column) -> Column | None:
    more_src, more_dst = guessed_edges(problem, place)
    return order(problem.nodes, np.concatenate([src, more_src]), np.concatenate([dst, more_dst]))
