"""How many faults a run injected, and how many of them took effect. What only ends a fault is not counted as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from targets.protocol.fault_base import Evidence, Fault


@dataclass(frozen=True)
class Injected:
    """`took_effect` of `count` faults had an observable effect; the others are not counted as coverage."""

    count: int
    took_effect: int
    without: tuple[Evidence, ...]
    """What was noted of faults without an observable effect."""


def injected(events: Sequence[tuple[float, Fault]], evidence: Sequence[Evidence]) -> Injected:
    """Count the faults among the nemesis' events (time in ms, fault).

    A fault that hit several nodes has evidence for each, and took effect if one of them shows it. Clocks of events and
    of evidence may differ a little, so they are matched by what the fault was.
    """
    faults = Counter(fault for _, fault in events if not fault.only_ends)
    seen = {(one.fault, one.from_ms) for one in evidence if one.shown}
    shown = Counter(fault for fault, _ in seen)
    hidden = [one for one in evidence if (one.fault, one.from_ms) not in seen and not one.fault.only_ends]
    took_effect = sum(min(count, shown[fault]) for fault, count in faults.items())
    return Injected(faults.total(), took_effect, tuple(hidden))
