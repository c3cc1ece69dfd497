"""raft-log: a replicated log and key-value store by Raft (Ongaro and Ousterhout 2014), healthy and broken."""

from __future__ import annotations

from targets.protocol.target import COMMANDS as COMMANDS_OF_OPERATORS
from targets.protocol.target import Target
from targets.systems.raft import broken, broken_service
from targets.systems.raft.invariants import INVARIANTS
from targets.systems.raft.machine import COMMANDS, QUERIES
from targets.systems.raft.messages import MESSAGES
from targets.systems.raft.node import RaftNode
from targets.systems.variant import variant

RAFT = Target(
    name="raft-log",
    summary="replicated log and key-value store by Raft: sessions, snapshots, membership changes",
    node=RaftNode,
    operations=COMMANDS | QUERIES,
    workload="cas-register",
    messages=MESSAGES,
    workloads=("cas-register", "register", "kv", "kv-append-with-cas", "append-list", "counter", "log"),
    timeout_ms=1000.0,
    sessions=True,
    commands=COMMANDS_OF_OPERATORS,
    invariants=INVARIANTS,
    patterns=(
        "Replicated Log",
        "Leader and Followers",
        "Generation Clock",
        "Majority Quorum",
        "Write-Ahead Log",
        "HeartBeat",
        "High-Water Mark",
        "Low-Water Mark",
        "Idempotent Receiver",
        "Lease",
    ),
)


LOST, SPLIT, STALE = "lost acknowledged write", "split brain", "stale read"

TARGETS: tuple[Target, ...] = (
    RAFT,
    variant(RAFT, "commit-prior-term", broken.CommitPriorTerm, ("depose", "kill"), LOST, "hard"),
    variant(RAFT, "voted-for-volatile", broken.VotedForVolatile, ("power", "outage"), SPLIT, "hard"),
    variant(RAFT, "term-volatile", broken.TermVolatile, ("power", "isolate-leader", "hold"), SPLIT, "medium"),
    variant(RAFT, "log-unsynced", broken.LogUnsynced, ("power",), LOST, "medium"),
    variant(RAFT, "read-without-read-index", broken_service.ReadWithoutReadIndex, ("isolate-leader",), STALE, "easy"),
    variant(
        RAFT,
        "read-index-before-own-commit",
        broken_service.ReadIndexBeforeOwnCommit,
        ("kill-leader", "one-way", "partition", "loss"),
        STALE,
        "medium",
    ),
    variant(
        RAFT,
        "lease-under-skew",
        broken_service.LeaseUnderSkew,
        ("clock", "isolate-leader", "pause-leader"),
        STALE,
        "medium",
    ),
    variant(
        RAFT, "no-election-restriction", broken.NoElectionRestriction, ("partition", "isolate-leader"), LOST, "medium"
    ),
    variant(
        RAFT,
        "truncate-on-any-append",
        broken.TruncateOnAnyAppend,
        ("delay", "duplicate", "isolate-leader"),
        LOST,
        "medium",
    ),
    variant(RAFT, "no-previous-term-check", broken.NoPreviousTermCheck, ("isolate-leader",), SPLIT, "medium"),
    variant(RAFT, "match-from-log-end", broken.MatchFromLogEnd, ("isolate-leader", "partition"), LOST, "hard"),
    variant(RAFT, "commit-to-own-last", broken.CommitToOwnLast, ("isolate-leader",), SPLIT, "hard"),
    variant(RAFT, "no-session-dedup", broken_service.NoSessionDedup, ("loss", "clients"), "applied twice", "easy"),
    variant(RAFT, "session-expiry-local-clock", broken_service.SessionExpiryLocalClock, ("clock",), SPLIT, "medium"),
    variant(
        RAFT,
        "snapshot-overwrites-newer",
        broken_service.SnapshotOverwritesNewer,
        ("delay", "duplicate", "isolate-leader"),
        LOST,
        "medium",
    ),
    variant(
        RAFT, "single-server-change", broken_service.SingleServerChange, ("membership", "split-members"), SPLIT, "hard"
    ),
    variant(RAFT, "majority-of-live", broken.MajorityOfLive, ("partition",), SPLIT, "easy"),
    variant(RAFT, "no-check-quorum", broken.NoCheckQuorum, ("one-way",), "no progress", "medium"),
    variant(
        RAFT,
        "clear-voted-for-on-step-down",
        broken.ClearVotedForOnStepDown,
        ("isolate-leader", "partition", "kill"),
        "none",
        "benign",
    ),
)
