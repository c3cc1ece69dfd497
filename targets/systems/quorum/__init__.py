"""The quorum key-value store of the course's exercise, and what goes wrong with it."""

from __future__ import annotations

from targets.protocol.node import Message, Node
from targets.protocol.target import Broken, Hardness, Target
from targets.systems.quorum import broken
from targets.systems.quorum.invariants import ConfirmedIsKept
from targets.systems.quorum.messages import Get, Got, Put, Stored
from targets.systems.quorum.node import QuorumNode

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


def _broken(
    name: str, node: type[QuorumNode], reasoning: str, faults: tuple[str, ...], anomaly: str, hardness: Hardness
) -> Target:
    def make() -> Node:
        return node()

    return Target(
        name=f"quorum-kv/{name}",
        summary=(node.__doc__ or "").partition("\n")[0],
        node=make,
        operations=node.offers,
        workload="cas-register" if "cas" in node.offers else "register",
        messages=MESSAGES,
        workloads=("cas-register", "register") if "cas" in node.offers else ("register",),
        recovery=HEALTHY.recovery,
        broken=Broken(reasoning, faults, anomaly, hardness),
        patterns=HEALTHY.patterns,
    )


TARGETS: tuple[Target, ...] = (
    HEALTHY,
    _broken(
        "no-read-repair", broken.NoReadRepair, "R + W > N suffices", ("delay", "loss", "hold"), "new then old", "E"
    ),
    _broken(
        "async-read-repair",
        broken.AsyncReadRepair,
        "the repair lands in time",
        ("hold", "delay", "pause"),
        "new then old",
        "M",
    ),
    _broken("wall-clock-last-write-wins", broken.WallClock, "clocks agree", ("clock",), "lost acknowledged write", "E"),
    _broken("timestamp-tie", broken.TimestampTie, "ties are impossible", ("delay",), "split brain", "M"),
    _broken(
        "local-counter-version",
        broken.LocalCounter,
        "my own counter is the maximum",
        (),
        "lost acknowledged write",
        "E",
    ),
    _broken("sub-majority", broken.SubMajority, "any W replicas do", ("partition",), "stale read", "E"),
    _broken("read-one", broken.ReadOne, "the local copy is fresh", ("partition",), "stale read", "E"),
    _broken("timeout-is-fail", broken.TimeoutIsFail, "no quorum, no effect", ("partition",), "value nobody wrote", "E"),
    _broken("client-side-cas", broken.ClientSideCas, "read then write is atomic", (), "double CAS", "E"),
    _broken("memory-only", broken.MemoryOnly, "replicas never all restart", ("kill",), "lost acknowledged write", "M"),
)
