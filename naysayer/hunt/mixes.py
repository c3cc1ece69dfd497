"""Which load and which faults each seed of a hunt of a real system gets.

Every other seed has the defaults of `naysayer test`, whose schedule finds most mistakes; the seeds between have another
workload, and a few of all faults that a correct system survives, in turn or at random times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

SURVIVABLE = (
    "partition",
    "one-way",
    "isolate-leader",
    "lose-phase",
    "delay-phase",
    "duplicate-phase",
    "hold",
    "reset",
    "delay",
    "loss",
    "reorder",
    "kill",
    "kill-leader",
    "power",
    "torn",
    "pause",
    "pause-leader",
)
"""Faults that a correct system survives. Wrong clocks, damaged disks and changes of members are asked for by name."""

FEWEST, MOST = 2, 4
"""So many of them a seed has together."""


@dataclass(frozen=True)
class Mix:
    """The load and the faults of one seed."""

    workload: str
    nemesis: tuple[str, ...]
    deck: bool
    """The faults come in turn, rather than at random times."""


def draw_mix(seed: int, workloads: Sequence[str], usual: Sequence[str], possible: Sequence[str]) -> Mix:
    """What a seed gets of these workloads (the first is the default), the usual faults and all that are possible."""
    if seed % 2 or not possible:
        return Mix(workloads[0], tuple(usual), deck=True)
    random = Random(f"mix {seed}")
    count = min(len(possible), random.randint(FEWEST, MOST))
    chosen = set(random.sample(list(possible), count))
    workload = workloads[seed // 2 % len(workloads)]
    return Mix(workload, tuple(name for name in possible if name in chosen), deck=random.random() < 0.5)
