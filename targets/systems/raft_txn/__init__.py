"""raft-txn, raft-txn-si: transactions on the replicated log, serializable or under snapshot isolation; and broken."""

from __future__ import annotations

from dataclasses import replace

from targets.protocol.target import Target
from targets.systems.raft import RAFT
from targets.systems.raft_txn import broken
from targets.systems.raft_txn.node import SnapshotNode, TransactionalNode
from targets.systems.variant import variant

SERIALIZABLE = replace(
    RAFT,
    name="raft-txn",
    summary="transactions on Raft's log by optimistic concurrency control: strictly serializable",
    node=TransactionalNode,
    operations=frozenset({"txn"}),
    workload="transactions",
    workloads=("transactions", "mini-transactions"),
)
SNAPSHOTS = replace(
    SERIALIZABLE,
    name="raft-txn-si",
    summary="the same under snapshot isolation: the first committer wins",
    node=SnapshotNode,
    workload="transactions-si",
    workloads=("transactions-si",),
)

TARGETS: tuple[Target, ...] = (
    SERIALIZABLE,
    SNAPSHOTS,
    variant(SERIALIZABLE, "no-validation", broken.NoValidation, (), "lost update", "easy"),
    variant(SERIALIZABLE, "validate-writes-only", broken.WritesOnly, (), "write skew", "easy"),
    variant(SERIALIZABLE, "write-through", broken.WriteThrough, (), "aborted read", "easy"),
    variant(SERIALIZABLE, "local-reads", broken.LocalReads, ("partition", "isolate-leader"), "stale read", "easy"),
    variant(SERIALIZABLE, "sharded-replicas", broken.Shards, (), "long fork", "easy"),
    variant(
        SERIALIZABLE,
        "answer-before-commit",
        broken.AnswerBeforeCommit,
        ("isolate-leader", "kill-leader"),
        "lost acknowledged write",
        "easy",
    ),
    variant(SERIALIZABLE, "run-again", broken.RunAgain, ("loss", "delay"), "applied twice", "medium"),
    variant(
        SERIALIZABLE, "versions-not-in-snapshot", broken.VersionsNotInSnapshot, ("kill", "power"), "split brain", "hard"
    ),
    variant(SNAPSHOTS, "late-reads", broken.LateReads, (), "fractured read", "easy"),
    variant(SNAPSHOTS, "entry-per-write", broken.EntryPerWrite, ("loss", "delay"), "intermediate read", "medium"),
)
