"""What a program does, found out by asking it: which operations it has, and whether its nodes keep files.

A run without faults, in which each node is asked for each operation several times, so that those with a leader have
elected one. An operation counts as offered if any node answered it ok, or refused it for its data (errors 20, 21, 22
and 30): any other error may come before a program has looked at what it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from typing import Any

from checker.errors import TargetError
from targets.backends.host.requests import OPERATIONS
from targets.backends.simulator import SimulatedCluster
from targets.protocol.node import Reply, Request
from targets.protocol.target import Target

ROUNDS_MS = (0.0, 700.0, 1600.0)
"""When each node is asked for each operation: at once, and when a leader should have been elected."""

PATIENCE_MS = 900.0
END_MS = 2500.0

KEY = "x"
INPUTS: dict[str, Any] = {"cas": (1, 1), "fenced-write": (1, 1), "txn": (("append", KEY, 1),)}
"""What an operation is asked for with, where that is not 1."""


@dataclass(frozen=True)
class Probed:
    """What was found out. `raised`: the operations that a node died of when it was asked for them; `dies`: a node died
    or hung without being asked for anything."""

    operations: frozenset[str] = frozenset()
    keeps_files: bool = False
    raised: frozenset[str] = frozenset()
    dies: bool = False


@cache
def probe(target: Target) -> Probed:
    """Ask a program of a user's for all operations at once; where a node dies of that, for each by itself."""
    together = _asked(target, tuple(OPERATIONS))
    if together is not None:
        return together
    if _asked(target, ()) is None:
        return Probed(dies=True)
    operations: set[str] = set()
    raised: set[str] = set()
    keeps = False
    for f in OPERATIONS:
        alone = _asked(target, (f,))
        if alone is None:
            raised.add(f)
        else:
            operations |= alone.operations
            keeps = keeps or alone.keeps_files
    return Probed(frozenset(operations), keeps, frozenset(raised))


def _asked(target: Target, operations: Sequence[str]) -> Probed | None:
    """What a run shows in which each node is asked for these; None if a node died."""
    cluster = SimulatedCluster(target, target.nodes, seed=1)
    offered: set[str] = set()
    numbers = count(1)

    def answered(f: str, reply: Reply | None) -> None:
        if reply is not None and (reply.status == "ok" or _refused_for_its_data(reply)):
            offered.add(f)

    def ask() -> None:
        for f in operations:
            for node in cluster.nodes:
                number = next(numbers)
                request = Request(f"r{number}", f"c{number}", f, KEY, _input(f))
                cluster.invoke(request, node, PATIENCE_MS, partial(answered, f))

    try:
        cluster.start()
        for at_ms in ROUNDS_MS:
            cluster.at(at_ms, ask)
        cluster.run(until_ms=END_MS)
    except TargetError:
        return None
    return Probed(frozenset(offered), bool(cluster.keeping_files))


def _input(f: str) -> Any:
    names = OPERATIONS[f][0]
    return INPUTS.get(f, None if names is None else 1)


def _refused_for_its_data(reply: Reply) -> bool:
    return reply.status == "fail" and reply.leader is not None and (reply.error or "").startswith(_CONDITIONS)


_CONDITIONS = tuple(f"error {code}:" for code in (20, 21, 22, 30))
