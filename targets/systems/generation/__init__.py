"""The generation clock: a majority grants generations, and writes are fenced by them; with its broken variants."""

from __future__ import annotations

from targets.protocol.target import Target
from targets.systems.generation import broken
from targets.systems.generation.clock import OPERATIONS, GenerationClock
from targets.systems.generation.invariants import GenerationsNeverFall, OneOwner
from targets.systems.generation.messages import MESSAGES
from targets.systems.variant import variant

CLOCK = Target(
    name="generation-clock",
    summary="generations granted by a majority, and registers that only the newest generation may write",
    node=GenerationClock,
    operations=OPERATIONS,
    workload="fenced-register",
    messages=MESSAGES,
    workloads=("fenced-register", "generation", "register"),
    timeout_ms=1500.0,
    invariants=(OneOwner, GenerationsNeverFall),
    patterns=("generation clock", "majority quorum", "write-ahead log", "leader and followers"),
)


TARGETS: tuple[Target, ...] = (
    CLOCK,
    variant(
        CLOCK,
        "generation-volatile",
        broken.GenerationVolatile,
        ("kill",),
        "two owners of one generation",
        "medium",
        workload="generation",
    ),
    variant(
        CLOCK,
        "reply-before-durable",
        broken.ReplyBeforeDurable,
        ("power",),
        "two owners of one generation",
        "medium",
        workload="generation",
    ),
    variant(
        CLOCK,
        "equal-without-voted-for",
        broken.EqualWithoutVotedFor,
        (),
        "duplicate generation",
        "easy",
        workload="generation",
    ),
    variant(
        CLOCK, "no-fencing", broken.NoFencing, ("pause-leader", "isolate-leader"), "lost acknowledged write", "easy"
    ),
    variant(
        CLOCK,
        "late-vote-counts",
        broken.LateVoteCounts,
        ("delay", "hold"),
        "split brain",
        "hard",
        workload="generation",
    ),
    variant(
        CLOCK,
        "unbounded-lease",
        broken.UnboundedLease,
        ("clock", "isolate-leader", "pause-leader"),
        "stale read, split brain",
        "medium",
        workload="register",
    ),
)
