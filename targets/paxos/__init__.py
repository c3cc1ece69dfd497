"""Paxos: registers written once, a key-value store, and a replicated log; healthy first, then the broken variants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from targets.paxos import broken
from targets.paxos.invariants import OneValueChosen, PromisesNeverFall
from targets.paxos.kv import PaxosKv
from targets.paxos.messages import MESSAGES
from targets.paxos.register import PaxosRegister
from targets.target import Broken, Hardness, Target

if TYPE_CHECKING:
    from targets.paxos.replica import PaxosReplica

REGISTER = Target(
    name="paxos-register",
    summary="registers written once, one instance of Paxos each",
    node=PaxosRegister,
    operations=frozenset({"read", "write", "cas"}),
    workload="cas-register",
    messages=MESSAGES,
    workloads=("cas-register", "register"),
    timeout_ms=2000.0,
    invariants=(OneValueChosen, PromisesNeverFall),
    patterns=("Paxos", "majority quorum", "write-ahead log"),
)
KV = Target(
    name="paxos-kv",
    summary="key-value store with one instance of Paxos per key and version, as Cassandra's lightweight transactions",
    node=PaxosKv,
    operations=frozenset({"read", "write", "cas", "delete"}),
    workload="cas-register",
    messages=MESSAGES,
    workloads=("cas-register", "register", "kv"),
    timeout_ms=2000.0,
    invariants=(OneValueChosen, PromisesNeverFall),
    patterns=("Paxos", "majority quorum", "write-ahead log", "idempotent receiver"),
)


def _broken(
    name: str, node: type[PaxosReplica], reasoning: str, faults: tuple[str, ...], anomaly: str, hardness: Hardness
) -> Target:
    """A variant of paxos-kv."""
    return replace(
        KV,
        name=f"paxos-kv/{name}",
        summary=f"paxos-kv, believing: {reasoning}",
        node=node,
        broken=Broken(reasoning, faults, anomaly, hardness),
    )


TARGETS: tuple[Target, ...] = (
    REGISTER,
    KV,
    _broken("promise-volatile", broken.PromiseVolatile, "memory suffices", ("kill",), "lost acknowledged write", "M"),
    _broken("accept-volatile", broken.AcceptVolatile, "memory suffices", ("kill",), "lost acknowledged write", "M"),
    _broken(
        "accept-below-promise",
        broken.AcceptBelowPromise,
        "the promise guards only prepare",
        ("degrade", "hold"),
        "lost acknowledged write",
        "M",
    ),
    _broken(
        "own-value-always",
        broken.OwnValueAlways,
        "phase 1 only locks",
        ("partition",),
        "lost acknowledged write, double cas",
        "E",
    ),
    _broken(
        "adopt-any-accepted",
        broken.AdoptAnyAccepted,
        "the order of ballots is irrelevant",
        ("partition",),
        "lost acknowledged write",
        "H",
    ),
    _broken("ballot-collision", broken.BallotCollision, "counters are unique", ("partition",), "split brain", "M"),
    _broken("ballot-reset", broken.BallotReset, "a restart is fresh", ("kill",), "split brain", "M"),
    _broken(
        "learn-from-minority",
        broken.LearnFromMinority,
        "one accept is chosen",
        ("partition",),
        "lost acknowledged write",
        "E",
    ),
    _broken("local-read", broken.LocalRead, "committed here is the latest", ("partition",), "stale read", "E"),
    _broken(
        "read-without-repropose",
        broken.ReadWithoutRepropose,
        "reads are passive (Cassandra 12126)",
        ("partition",),
        "new then old",
        "M",
    ),
    _broken(
        "failed-cas-not-proposed",
        broken.FailedCasNotProposed,
        "a no-op needs no ballot",
        ("partition",),
        "new then old",
        "M",
    ),
    _broken("commit-re-executes", broken.CommitReExecutes, "one commit per value", ("degrade",), "applied twice", "E"),
)
