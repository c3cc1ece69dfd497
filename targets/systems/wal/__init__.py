"""The write-ahead log, and a durable key-value store on one node that is built on it."""

from __future__ import annotations

from targets.protocol.target import Target
from targets.systems.variant import variant
from targets.systems.wal import broken
from targets.systems.wal.invariants import NothingAcknowledgedIsLost
from targets.systems.wal.node import COMMANDS, QUERIES, WalStore

HEALTHY = Target(
    name="wal-kv",
    summary="durable key-value store on one node: write-ahead log, group commit, snapshots, cleaning",
    node=WalStore,
    operations=QUERIES | COMMANDS,
    workload="kv-append",
    messages=(),
    workloads=("kv-append", "kv-append-with-cas", "cas-register", "register", "kv"),
    nodes=1,
    timeout_ms=3000.0,  # longer than a pause: pending appends are what makes histories of strings hard to decide
    sessions=True,
    recovery=(NothingAcknowledgedIsLost,),
    patterns=("Write-Ahead Log", "Segmented Log", "Low-Water Mark", "Singular Update Queue", "Idempotent Receiver"),
)


LOST, PHANTOM = "lost acknowledged write", "value that was never written"

TARGETS: tuple[Target, ...] = (
    HEALTHY,
    variant(HEALTHY, "ack-before-fsync", broken.AckBeforeFsync, ("power",), LOST, "easy"),
    variant(HEALTHY, "apply-before-log", broken.ApplyBeforeLog, ("kill", "power"), "non-monotonic read", "easy"),
    variant(HEALTHY, "crc-ignored", broken.CrcIgnored, ("torn",), PHANTOM, "medium", workload="cas-register"),
    variant(HEALTHY, "append-after-torn-tail", broken.AppendAfterTornTail, ("torn", "kill"), LOST, "medium"),
    variant(HEALTHY, "no-directory-fsync", broken.NoDirectoryFsync, ("power",), LOST, "medium"),
    variant(HEALTHY, "clean-by-age", broken.CleanByAge, ("kill",), LOST, "easy"),
    variant(HEALTHY, "snapshot-index-ahead", broken.SnapshotIndexAhead, ("kill",), LOST, "medium"),
    variant(HEALTHY, "replay-overlap", broken.ReplayOverlap, ("kill",), "applied twice", "easy"),
    variant(HEALTHY, "torn-batch", broken.TornBatch, ("torn", "power"), PHANTOM, "medium", workload="cas-register"),
)
