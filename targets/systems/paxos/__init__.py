"""Paxos: registers written once, a key-value store, and a replicated log; healthy first, then the broken variants."""

from __future__ import annotations

from targets.protocol.target import Target
from targets.systems.paxos import broken, broken_log
from targets.systems.paxos.invariants import BallotsNeverFall, OneCommandPerSlot, OneValueChosen, PromisesNeverFall
from targets.systems.paxos.kv import PaxosKv
from targets.systems.paxos.log import PaxosLog
from targets.systems.paxos.log_messages import LOG_MESSAGES
from targets.systems.paxos.messages import MESSAGES
from targets.systems.paxos.register import PaxosRegister
from targets.systems.variant import variant

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


TARGETS: tuple[Target, ...] = (
    REGISTER,
    KV,
    LOG,
    variant(KV, "promise-volatile", broken.PromiseVolatile, ("kill", "hold"), "lost acknowledged write", "medium"),
    variant(KV, "accept-volatile", broken.AcceptVolatile, ("kill",), "lost acknowledged write", "medium"),
    variant(
        KV, "accept-below-promise", broken.AcceptBelowPromise, ("delay", "hold"), "lost acknowledged write", "medium"
    ),
    variant(
        KV, "own-value-always", broken.OwnValueAlways, ("partition",), "lost acknowledged write, double cas", "easy"
    ),
    variant(KV, "adopt-any-accepted", broken.AdoptAnyAccepted, ("partition",), "lost acknowledged write", "hard"),
    variant(KV, "ballot-collision", broken.BallotCollision, ("partition",), "split brain", "medium"),
    variant(KV, "ballot-reset", broken.BallotReset, ("power", "kill"), "split brain", "medium"),
    variant(KV, "learn-from-minority", broken.LearnFromMinority, ("partition",), "lost acknowledged write", "easy"),
    variant(KV, "local-read", broken.LocalRead, ("partition",), "stale read", "easy"),
    variant(KV, "read-without-repropose", broken.ReadWithoutRepropose, ("partition",), "non-monotonic read", "medium"),
    variant(KV, "failed-cas-not-proposed", broken.FailedCasNotProposed, ("partition",), "non-monotonic read", "medium"),
    variant(KV, "commit-re-executes", broken.CommitReExecutes, ("duplicate",), "applied twice", "easy"),
    variant(LOG, "get-falls-back-to-local", broken_log.GetFallsBackToLocal, ("partition",), "stale read", "medium"),
    variant(LOG, "leader-starts-own-slot", broken_log.LeaderStartsOwnSlot, ("isolate-leader",), "split brain", "easy"),
    variant(
        LOG,
        "promise-omits-committed",
        broken_log.PromiseOmitsCommitted,
        ("isolate-leader",),
        "lost acknowledged write",
        "medium",
    ),
    variant(LOG, "apply-over-gap", broken_log.ApplyOverGap, ("reorder",), "split brain", "easy"),
    variant(
        LOG,
        "fill-hole-without-phase-1",
        broken_log.FillHoleWithoutPhaseOne,
        ("isolate-leader",),
        "lost acknowledged write",
        "medium",
    ),
)
