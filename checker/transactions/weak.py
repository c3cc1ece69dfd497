"""Read committed, read atomic and causal consistency: whether there is an order of commits that explains the reads.

The axioms of Biswas and Enea (OOPSLA 2019), by the constructions of AWDIT (Møldrup and Pavlogiannis, PLDI 2025). The
order of commits contains that of sessions and write-read (and here the order of versions that lists show). If t3 reads
key x from t1, and t2 wrote x too, then t2 committed before t1 if t3 saw t2 in this way:

    read committed   t3 read something from t2 before it read x from t1
    read atomic      t3 read something from t2, or t2 came before t3 in its session
    causal           any path of sessions and write-read leads from t2 to t3

(guarantees.py has those of sessions.) The level holds if and only if all of this has no cycle. Initial values were
committed before everything else. PL-2 asks only that write-read, and writes as lists show them, have no cycle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from checker.history import Column
from checker.transactions.cycles import shortest
from checker.transactions.edges import COMMIT, SESSION, WR, WW, Edges, edges
from checker.transactions.graph import components, order
from checker.transactions.guarantees import guaranteed
from checker.transactions.implied import Implied, Reads, Sessions, within
from checker.transactions.levels import Family, Guarantee
from checker.transactions.steps import Cycle, Step
from checker.transactions.table import Table
from checker.transactions.versions import Versions

CLOCKS_MAX = 150_000_000
"""Transactions times sessions, of four bytes each."""


@dataclass(frozen=True)
class Weak:
    """An order of commits, or a cycle, or why neither."""

    events: Column | None = None
    cycle: Cycle | None = None
    reason: str | None = None


def decide(table: Table, versions: Versions, family: Family) -> Weak:
    """Whether the happened transactions have an order of commits at this level."""
    count = len(table)
    live = versions.happened
    if family == "read-uncommitted":
        return _of(count, _writes(count, versions), Implied.of([]), live)
    known = np.flatnonzero(versions.writer[versions.read_ver] >= -1)
    read_ver = versions.read_ver[known]
    written = versions.writer >= 0
    keys = max(len(versions.keys), 1)
    reads = Reads(
        versions.read_txn[known],
        versions.key[read_ver],
        versions.writer[read_ver],
        keys,
        np.unique(versions.writer[written] * keys + versions.key[written]),
    )
    base = edges(count, reads.writer, reads.txn, WR, reads.key)
    if family == "PL-2":
        return _of(count, base.plus(_writes(count, versions)), Implied.of([]), live)
    base = edges(count, *table.session_pairs(live), SESSION).plus(base)
    causes = order(count, base.src, base.dst)
    known_order = base.plus(_writes(count, versions))
    if causes is None:
        return _of(count, known_order, Implied.of([]), live)
    if family == "read-committed":
        return _of(count, known_order, Implied.of(list(within(reads, both=False))), live)
    sessions = Sessions.of(table, versions, live)
    if family == "causal":
        if count * sessions.count > CLOCKS_MAX:
            return Weak(reason=f"{count:,} transactions in {sessions.count:,} sessions are too many for causal clocks")
        implied = Implied.of(list(sessions.implied(reads, sessions.clocks(base, causes))))
    elif family == "read-atomic":
        implied = Implied.of([*within(reads, both=True), *sessions.implied(reads, None)])
    else:
        implied = Implied.of(list(guaranteed(cast("Guarantee", family), reads, sessions, versions)))
    return _of(count, known_order, implied, live)


def _writes(count: int, versions: Versions) -> Edges:
    """Writes in the order that lists show, and what no read showed after them."""
    linked = np.flatnonzero(versions.after >= 0)
    chain = edges(count, versions.writer[linked], versions.writer[versions.after[linked]], WW, versions.key[linked])
    _, heads, tails = versions.chains()
    keys = len(versions.keys)
    first = np.full(keys, -1, dtype=np.int64)
    initial = heads < keys
    first[heads[initial]] = tails[initial]
    others = heads[~initial]
    key = versions.key[others]
    return chain.plus(edges(count, versions.writer[first[key]], versions.writer[others], WW, key))


def _of(count: int, known: Edges, implied: Implied, live: NDArray[np.bool_]) -> Weak:
    stale = np.flatnonzero(implied.after < 0)
    if len(stale):
        at = int(stale[0])
        step = Step(int(implied.before[at]), -1, COMMIT, int(implied.key[at]), via=int(implied.via[at]))
        return Weak(cycle=Cycle("stale-initial-read", (step,), len(np.unique(implied.via[stale]))))
    whole = known.plus(edges(count, implied.before, implied.after, COMMIT, implied.key))
    events = order(count, whole.src, whole.dst)
    if events is not None:
        return Weak(events=events[live[events]])
    via = {
        pair: int(txn)
        for *pair_, txn in zip(implied.before.tolist(), implied.after.tolist(), implied.via.tolist(), strict=True)
        for pair in [tuple(pair_)]
    }
    steps = tuple(
        replace(step, via=via[step.before, step.after]) if step.kind == COMMIT else step for step in shortest(whole)
    )
    label = components(count, whole.src, whole.dst)[1]
    many = int((np.bincount(label) > 1).sum())
    return Weak(cycle=Cycle(_name(steps), steps, many))


def _name(steps: tuple[Step, ...]) -> str:
    kinds = {step.kind for step in steps}
    if kinds <= {WW}:
        return "G0"
    return "commit-order" if COMMIT in kinds else "causality" if SESSION in kinds else "G1c"
