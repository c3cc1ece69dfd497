"""Paxos: registers written once, a key-value store, and a replicated log; healthy first, then the broken variants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from targets.protocol.target import Broken, Hardness, Target
from targets.systems.paxos import broken, broken_log
from targets.systems.paxos.invariants import BallotsNeverFall, OneCommandPerSlot, OneValueChosen, PromisesNeverFall
from targets.systems.paxos.kv import PaxosKv
from targets.systems.paxos.log import PaxosLog
from targets.systems.paxos.log_messages import LOG_MESSAGES
from targets.systems.paxos.messages import MESSAGES
from targets.systems.paxos.register import PaxosRegister

if TYPE_CHECKING:
    from targets.systems.paxos.replica import PaxosReplica

REGISTER = Target(
    name="paxos-register",
    summary="registers written once, one instance of Paxos each",
    node=PaxosRegister,
    operations=frozenset({"read", "write", "cas"}),
    workload="write-once",
    messages=MESSAGES,
    workloads=("write-once", "cas-register", "register"),
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
LOG = Target(
    name="paxos-log",
    summary="replicated log with a Multi-Paxos leader and heartbeats, and a key-value store on it",
    node=PaxosLog,
    operations=frozenset({"read", "write", "cas", "delete"}),
    workload="cas-register",
    messages=LOG_MESSAGES,
    workloads=("cas-register", "register", "kv"),
    timeout_ms=1500.0,
    sessions=True,
    invariants=(OneCommandPerSlot, BallotsNeverFall),
    patterns=("Paxos", "replicated log", "leader and followers", "heartbeat", "high-water mark", "write-ahead log"),
)


def _broken(
    name: str,
    node: type[PaxosReplica] | type[PaxosLog],
    reasoning: str,
    faults: tuple[str, ...],
    anomaly: str,
    hardness: Hardness,
    healthy: Target = KV,
) -> Target:
    return replace(
        healthy,
        name=f"{healthy.name}/{name}",
        summary=f"{healthy.name}, believing: {reasoning}",
        node=node,
        broken=Broken(reasoning, faults, anomaly, hardness),
    )


TARGETS: tuple[Target, ...] = (
    REGISTER,
    KV,
    LOG,
    _broken(
        "promise-volatile", broken.PromiseVolatile, "memory suffices", ("kill", "hold"), "lost acknowledged write", "M"
    ),
    _broken("accept-volatile", broken.AcceptVolatile, "memory suffices", ("kill",), "lost acknowledged write", "M"),
    _broken(
        "accept-below-promise",
        broken.AcceptBelowPromise,
        "the promise guards only prepare",
        ("delay", "hold"),
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
    _broken(
        "commit-re-executes", broken.CommitReExecutes, "one commit per value", ("duplicate",), "applied twice", "E"
    ),
    _broken(
        "get-falls-back-to-local",
        broken_log.GetFallsBackToLocal,
        "giving up is an answer",
        ("partition",),
        "stale read",
        "M",
        LOG,
    ),
    _broken(
        "leader-starts-own-slot",
        broken_log.LeaderStartsOwnSlot,
        "my slot counter is fresh",
        ("isolate-leader",),
        "split brain",
        "E",
        LOG,
    ),
    _broken(
        "promise-omits-committed",
        broken_log.PromiseOmitsCommitted,
        "the leader knows the commits",
        ("isolate-leader",),
        "lost acknowledged write",
        "M",
        LOG,
    ),
    _broken("apply-over-gap", broken_log.ApplyOverGap, "order is implicit", ("reorder",), "split brain", "E", LOG),
    _broken(
        "fill-hole-without-phase-1",
        broken_log.FillHoleWithoutPhaseOne,
        "a hole is empty",
        ("isolate-leader",),
        "lost acknowledged write",
        "M",
        LOG,
    ),
)
