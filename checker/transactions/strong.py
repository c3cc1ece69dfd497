"""Whether the versions whose order is not known have one under which there is no cycle: exact, with a proof either way.

Serializability over unknown version orders is NP-hard (Papadimitriou 1979), so the easy cases come first:

1. What is known has a cycle: refuted.
2. A walk (walk.py), or a few guesses: chains in the order of commits, where the system told it, or in about that in
   which their transactions ended. Without a cycle the order is found. (What a system tells accuses nothing.)
3. Propagation: of two chains, one order would close a cycle with what is known, so the other one holds; until nothing
   more follows (Cobra, OSDI 2020; PolySI, VLDB 2023, which then ask a solver).
4. Search: an open choice is tried both ways, each with propagation. A conflict names the choices that it rests on, so
   that those which do not matter are not tried again (conflict-directed backjumping).

A SAT solver given cycles as they come up (python-sat, Glucose) took 0.1 s where this search takes 0.4 to 1 CPU s, on
1,000 transactions of 20 sessions on 100 keys, most writes blind; and found nothing in 15 s where it takes 4 s. So there
is none.

A refutation is a list of lemmas (this chain precedes that one, as the opposite closes this cycle), and then a cycle, or
a choice with a refutation of either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from checker.budget import Budget, Meter, OutOfBudget
from checker.english import counted
from checker.history import INFO, NO_COMMIT, Column
from checker.transactions.choices import Chains, Flat, flat, open_chains
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

    @cached_property
    def flat(self) -> Flat:
        """All chains."""
        return flat(self.chains)

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
    if table.data == "register" and level_order == "realtime" and not snapshot:
        # the other levels hold where this one does, which is tried first: the same walk would not help them
        walked = walk(table, versions)
        if walked is not None:
            return Strong(events=walked)
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
    return f"the order of versions is not known for {counted(keys, 'key')}"


def _events(problem: Problem, events: Column, versions: Versions) -> Column:
    """Without helpers, and what did not happen."""
    nodes = problem.edges.nodes
    txn = events % nodes
    keep = txn < len(problem.table)
    keep[keep] = versions.happened[txn[keep]]
    return txn[keep]


def _guesses(problem: Problem, known: Edges, versions: Versions, level_order: Order) -> Iterator[Column]:
    """Orders of events to take the order of chains from: that of commits, if the system told it; one that keeps real
    time, if there is one; and one by time."""
    if problem.table.commit is not None:
        yield _by_commit(problem.table, problem.table.commit)
    if level_order != "realtime":
        edges = known.plus(of_order(problem.table, "realtime", known.nodes, versions.happened))
        nodes, src, dst, _ = _graph(edges, snapshot=problem.snapshot)
        strict = order(nodes, src, dst)
        if strict is not None:
            place = np.empty(nodes, dtype=np.int64)
            place[strict] = np.arange(nodes)
            yield place[: len(problem.table)]
    yield by_time(problem, problem.src, problem.dst)


def _by_commit(table: Table, commit: Column) -> Column:
    """The place of each transaction by the number of its commit; one without a number comes after all those that had
    returned by the time that it did."""
    told = np.flatnonzero(commit != NO_COMMIT)
    told = told[np.argsort(commit[told], kind="stable")]
    place = np.zeros(len(table), dtype=np.int64)
    place[told] = 2 * np.arange(len(told)) + 1
    returned: Column = np.maximum.accumulate(table.ret[told])
    others = np.flatnonzero(commit == NO_COMMIT)
    ended = np.where(table.status == INFO, table.call, table.ret)[others]
    place[others] = 2 * np.searchsorted(returned, ended, side="right")
    return place


def by_time(problem: Problem, src: Column, dst: Column) -> Column:
    """The place of each transaction's commit in an order of events by about when they happened. The events have an
    order."""
    table, nodes = problem.table, problem.nodes
    when = np.full(nodes, np.iinfo(np.int64).min)
    when[: len(table)] = np.where(table.status == INFO, table.call, table.ret)
    if problem.snapshot:
        when[problem.edges.nodes : problem.edges.nodes + len(table)] = table.call
    ordered = order(nodes, src, dst)
    assert ordered is not None
    place = np.empty(nodes, dtype=np.int64)
    place[ordered] = np.arange(nodes)
    by_place = np.argsort(place[src])
    src, dst = src[by_place], dst[by_place]
    while len(late := np.flatnonzero(when[src] > when[dst])):
        np.maximum.at(when, dst[late], when[src[late]])  # what must come later happened later
    place[np.lexsort((place, when))] = np.arange(nodes)
    return place[: len(table)]


def guessed_edges(problem: Problem, place: Column) -> tuple[Column, Column, Column, Column]:
    """The events that follow if each key's chains come in the order of the commits that began them: which come before
    which, and of which two chains (by number in `flat`) this follows."""
    flat = problem.flat
    by_key = np.lexsort((place[flat.began], flat.key))
    first, second = by_key[:-1], by_key[1:]
    same = flat.key[first] == flat.key[second]
    following = np.full(len(flat.key), -1, dtype=np.int64)
    following[first[same]] = second[same]
    ended = np.flatnonzero(following >= 0)
    read = np.flatnonzero(following[flat.owner] >= 0)
    read = read[flat.began[following[flat.owner[read]]] != flat.reader[read]]
    chain = np.concatenate([ended, flat.owner[read]])
    began = flat.began[following[chain]]
    shift = problem.edges.nodes if problem.snapshot else 0
    src = np.concatenate([flat.ended[ended], flat.reader[read] + shift])
    dst = began + np.where(np.arange(len(chain)) < len(ended), shift, 0)
    return src, dst, chain, following[chain]


def _ordered(problem: Problem, place: Column, src: Column, dst: Column) -> Column | None:
    more_src, more_dst, _, _ = guessed_edges(problem, place)
    return order(problem.nodes, np.concatenate([src, more_src]), np.concatenate([dst, more_dst]))
