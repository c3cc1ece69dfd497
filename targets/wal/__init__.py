"""The write-ahead log, and the durable key-value store on one node that is built on nothing else."""

from __future__ import annotations

from targets.target import Target
from targets.wal.invariants import NothingAcknowledgedIsLost
from targets.wal.node import COMMANDS, QUERIES, WalStore

HEALTHY = Target(
    name="wal-kv",
    summary="durable key-value store on one node: write-ahead log, group commit, snapshots, cleaning",
    node=WalStore,
    operations=QUERIES | COMMANDS,
    workload="kv-append",
    messages=(),
    workloads=("kv-append", "cas-register", "register", "kv"),
    nodes=1,
    sessions=True,
    invariants=(NothingAcknowledgedIsLost,),
    patterns=("Write-Ahead Log", "Segmented Log", "Low-Water Mark", "Singular Update Queue", "Idempotent Receiver"),
)

TARGETS: tuple[Target, ...] = (HEALTHY,)
