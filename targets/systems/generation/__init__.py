"""The generation clock: generations handed out by majority, and writes fenced by them; with its broken variants."""

from __future__ import annotations

from dataclasses import replace

from targets.protocol.target import Broken, Hardness, Target
from targets.systems.generation import broken
from targets.systems.generation.clock import OPERATIONS, GenerationClock
from targets.systems.generation.invariants import GenerationsNeverFall, OneOwner
from targets.systems.generation.messages import MESSAGES

CLOCK = Target(
    name="generation-clock",
    summary="generations handed out by majority, and registers that only the newest generation may write",
    node=GenerationClock,
    operations=OPERATIONS,
    workload="fenced-register",
    messages=MESSAGES,
    workloads=("fenced-register", "generation", "register"),
    timeout_ms=1500.0,
    invariants=(OneOwner, GenerationsNeverFall),
    patterns=("generation clock", "majority quorum", "write-ahead log", "leader and followers"),
)


def _broken(
    name: str,
    node: type[GenerationClock],
    reasoning: str,
    faults: tuple[str, ...],
    anomaly: str,
    hardness: Hardness,
    workload: str,
) -> Target:
    return replace(
        CLOCK,
        name=f"generation-clock/{name}",
        summary=f"generation-clock, believing: {reasoning}",
        node=node,
        workload=workload,
        broken=Broken(reasoning, faults, anomaly, hardness),
    )


TARGETS: tuple[Target, ...] = (
    CLOCK,
    _broken(
        "generation-volatile",
        broken.GenerationVolatile,
        "promises outlive memory",
        ("kill",),
        "two owners of one generation",
        "M",
        "generation",
    ),
    _broken(
        "reply-before-durable",
        broken.ReplyBeforeDurable,
        "the write will finish",
        ("power",),
        "two owners of one generation",
        "M",
        "generation",
    ),
    _broken(
        "equal-without-voted-for",
        broken.EqualWithoutVotedFor,
        "equal is mine",
        (),
        "duplicate generation",
        "E",
        "generation",
    ),
    _broken(
        "no-fencing",
        broken.NoFencing,
        "the old leader knows",
        ("pause-leader", "isolate-leader"),
        "lost acknowledged write",
        "E",
        "fenced-register",
    ),
    _broken(
        "late-vote-counts",
        broken.LateVoteCounts,
        "a vote belongs to this term",
        ("delay", "hold"),
        "split brain",
        "H",
        "generation",
    ),
    _broken(
        "unbounded-lease",
        broken.UnboundedLease,
        "my clock is the lease's clock",
        ("clock", "isolate-leader", "pause-leader"),
        "stale read, split brain",
        "M",
        "register",
    ),
)
