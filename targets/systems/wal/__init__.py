"""The write-ahead log, and the durable key-value store on one node that is built on nothing else."""

from __future__ import annotations

from dataclasses import replace

from targets.protocol.target import Broken, Hardness, Target
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
    workloads=("kv-append", "cas-register", "register", "kv"),
    nodes=1,
    timeout_ms=3000.0,  # longer than a pause: pending appends are what makes histories of strings hard to decide
    sessions=True,
    recovery=(NothingAcknowledgedIsLost,),
    patterns=("Write-Ahead Log", "Segmented Log", "Low-Water Mark", "Singular Update Queue", "Idempotent Receiver"),
)


def _broken(
    name: str,
    node: type[WalStore],
    reasoning: str,
    faults: tuple[str, ...],
    anomaly: str,
    hardness: Hardness,
    workload: str = "kv-append",
) -> Target:
    return replace(
        HEALTHY,
        name=f"wal-kv/{name}",
        summary=(node.__doc__ or "").partition("\n")[0],
        node=node,
        workload=workload,
        broken=Broken(reasoning, faults, anomaly, hardness),
    )


LOST, PHANTOM = "lost acknowledged write", "value nobody wrote"

TARGETS: tuple[Target, ...] = (
    HEALTHY,
    _broken("ack-before-fsync", broken.AckBeforeFsync, "buffered is durable", ("power",), LOST, "E"),
    _broken(
        "apply-before-log",
        broken.ApplyBeforeLog,
        "readers may see what is not durable",
        ("kill", "power"),
        "new then old",
        "E",
    ),
    _broken(
        "crc-ignored",
        broken.CrcIgnored,
        "the stored checksum suffices, nobody checks it",
        ("torn",),
        PHANTOM,
        "M",
        "cas-register",
    ),
    _broken(
        "append-after-torn-tail",
        broken.AppendAfterTornTail,
        "garbage in the tail hides later records",
        ("torn", "kill"),
        LOST,
        "M",
    ),
    _broken("no-directory-fsync", broken.NoDirectoryFsync, "a new segment's name is durable", ("power",), LOST, "M"),
    _broken("clean-by-age", broken.CleanByAge, "old means snapshotted", ("kill",), LOST, "E"),
    _broken("snapshot-index-ahead", broken.SnapshotIndexAhead, "contents match the index", ("kill",), LOST, "M"),
    _broken("replay-overlap", broken.ReplayOverlap, "replay is idempotent", ("kill",), "applied twice", "E"),
    _broken(
        "torn-batch",
        broken.TornBatch,
        "a batch replays atomically",
        ("torn", "power"),
        PHANTOM,
        "M",
        "cas-register",
    ),
)
