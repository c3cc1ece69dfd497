"""The quorum key-value store of the course's exercise, with its broken variants."""

from __future__ import annotations

from targets.protocol.node import Message
from targets.protocol.target import Target
from targets.systems.quorum import broken
from targets.systems.quorum.invariants import ConfirmedIsKept
from targets.systems.quorum.messages import Get, Got, Put, Stored
from targets.systems.quorum.node import QuorumNode
from targets.systems.variant import variant

MESSAGES: tuple[type[Message], ...] = (Get, Got, Put, Stored)

HEALTHY = Target(
    name="quorum-kv",
    summary="replicated key-value store: majority reads and writes, logical versions, synchronous read repair",
    node=QuorumNode,
    operations=QuorumNode.offers,
    workload="register",
    messages=MESSAGES,
    workloads=("register",),
    recovery=(ConfirmedIsKept,),
    patterns=("Majority Quorum", "Versioned Value", "Read Repair", "Write-Ahead Log", "Lamport Clock"),
)


TARGETS: tuple[Target, ...] = (
    HEALTHY,
    variant(HEALTHY, "no-read-repair", broken.NoReadRepair, ("delay", "loss", "hold"), "non-monotonic read", "easy"),
    variant(
        HEALTHY, "async-read-repair", broken.AsyncReadRepair, ("hold", "delay", "pause"), "non-monotonic read", "medium"
    ),
    variant(HEALTHY, "wall-clock-last-write-wins", broken.WallClock, ("clock",), "lost acknowledged write", "easy"),
    variant(HEALTHY, "timestamp-tie", broken.TimestampTie, ("delay",), "split brain", "medium"),
    variant(HEALTHY, "local-counter-version", broken.LocalCounter, (), "lost acknowledged write", "easy"),
    variant(HEALTHY, "sub-majority", broken.SubMajority, ("partition",), "stale read", "easy"),
    variant(HEALTHY, "read-one", broken.ReadOne, ("partition",), "stale read", "easy"),
    variant(HEALTHY, "timeout-is-fail", broken.TimeoutIsFail, ("partition",), "value that was never written", "easy"),
    variant(
        HEALTHY,
        "client-side-cas",
        broken.ClientSideCas,
        (),
        "double CAS",
        "easy",
        operations=broken.ClientSideCas.offers,
        workload="cas-register",
        workloads=("cas-register", "register"),
    ),
    variant(HEALTHY, "memory-only", broken.MemoryOnly, ("kill",), "lost acknowledged write", "medium"),
)
