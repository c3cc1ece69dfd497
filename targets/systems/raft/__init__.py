"""raft-log: a replicated log and key-value store by Raft (Ongaro and Ousterhout 2014), healthy and broken."""

from __future__ import annotations

from dataclasses import replace

from targets.protocol.target import Broken, Hardness, Target
from targets.systems.raft import broken, broken_service
from targets.systems.raft.invariants import INVARIANTS
from targets.systems.raft.machine import COMMANDS, QUERIES
from targets.systems.raft.messages import MESSAGES
from targets.systems.raft.node import RaftNode

RAFT = Target(
    name="raft-log",
    summary="replicated log and key-value store by Raft: sessions, snapshots, membership changes",
    node=RaftNode,
    operations=COMMANDS | QUERIES,
    workload="cas-register",
    messages=MESSAGES,
    workloads=("cas-register", "register", "kv", "append-list", "counter", "log"),
    timeout_ms=1000.0,
    sessions=True,
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


def _broken(
    name: str, node: type[RaftNode], reasoning: str, faults: tuple[str, ...], anomaly: str, hardness: Hardness
) -> Target:
    return replace(
        RAFT,
        name=f"raft-log/{name}",
        summary=(node.__doc__ or "").partition("\n")[0],
        node=node,
        broken=Broken(reasoning, faults, anomaly, hardness),
    )


LOST, SPLIT, STALE = "lost acknowledged write", "split brain", "stale read"

TARGETS: tuple[Target, ...] = (
    RAFT,
    _broken(
        "commit-prior-term",
        broken.CommitPriorTerm,
        "a majority is committed",
        ("depose", "kill"),
        LOST,
        "H",
    ),
    _broken(
        "voted-for-volatile",
        broken.VotedForVolatile,
        "one vote in memory",
        ("power", "outage"),
        SPLIT,
        "H",
    ),
    _broken(
        "term-volatile", broken.TermVolatile, "the term is relearned", ("power", "isolate-leader", "hold"), SPLIT, "M"
    ),
    _broken("log-unsynced", broken.LogUnsynced, "acknowledged is durable", ("power",), LOST, "M"),
    _broken(
        "read-without-read-index",
        broken_service.ReadWithoutReadIndex,
        "my role is current",
        ("isolate-leader",),
        STALE,
        "E",
    ),
    _broken(
        "read-index-before-own-commit",
        broken_service.ReadIndexBeforeOwnCommit,
        "the commit index is current",
        ("kill-leader", "one-way", "partition", "loss"),
        STALE,
        "M",
    ),
    _broken(
        "lease-under-skew",
        broken_service.LeaseUnderSkew,
        "drift is bounded",
        ("clock", "isolate-leader", "pause-leader"),
        STALE,
        "M",
    ),
    _broken(
        "no-election-restriction",
        broken.NoElectionRestriction,
        "any voter qualifies",
        ("partition", "isolate-leader"),
        LOST,
        "M",
    ),
    _broken(
        "truncate-on-any-append",
        broken.TruncateOnAnyAppend,
        "a message is the latest",
        ("delay", "duplicate", "isolate-leader"),
        LOST,
        "M",
    ),
    _broken(
        "no-previous-term-check",
        broken.NoPreviousTermCheck,
        "an index identifies an entry",
        ("isolate-leader",),
        SPLIT,
        "M",
    ),
    _broken(
        "match-from-log-end", broken.MatchFromLogEnd, "my tail is verified", ("isolate-leader", "partition"), LOST, "H"
    ),
    _broken("commit-to-own-last", broken.CommitToOwnLast, "the tail is verified", ("isolate-leader",), SPLIT, "H"),
    _broken(
        "no-session-dedup",
        broken_service.NoSessionDedup,
        "a retry is new",
        ("loss", "clients"),
        "applied twice",
        "E",
    ),
    _broken(
        "session-expiry-local-clock",
        broken_service.SessionExpiryLocalClock,
        "replicas agree on time",
        ("clock",),
        SPLIT,
        "M",
    ),
    _broken(
        "snapshot-overwrites-newer",
        broken_service.SnapshotOverwritesNewer,
        "a snapshot is ahead",
        ("delay", "duplicate", "isolate-leader"),
        LOST,
        "M",
    ),
    _broken(
        "single-server-change",
        broken_service.SingleServerChange,
        "old configurations cannot overlap",
        ("membership", "split-members"),
        SPLIT,
        "H",
    ),
    _broken("majority-of-live", broken.MajorityOfLive, "unreachable is absent", ("partition",), SPLIT, "E"),
    _broken(
        "clear-voted-for-on-step-down",
        broken.ClearVotedForOnStepDown,
        "a vote is over when its election is",
        ("isolate-leader", "partition", "kill"),
        "none: it is harmless",
        "control",
    ),
)
