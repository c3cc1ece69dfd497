"""The state of the links between processes whose messages pass through the harness: what is lost, late or doubled.

Shared by the per-link TCP proxies and by the router of stdio nodes. `plan` says for one message when its copies are
to be delivered; what the harness does with a message is counted, since a fault that touched nothing is no coverage.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from targets.fault import Cut, Degrade, Evidence, Fault, Heal, Link


@dataclass
class _Active:
    fault: Cut | Degrade
    from_ms: float
    touched: int = 0
    to_ms: float | None = None


@dataclass
class Links:
    """All links of one cluster; those never mentioned are perfect. Draws are by link, from the seed."""

    seed: int
    _active: list[_Active] = field(default_factory=list)
    _ended: list[_Active] = field(default_factory=list)
    _by_link: dict[Link, list[_Active]] = field(default_factory=dict)
    _random: dict[Link, Random] = field(default_factory=dict)

    FAULTS = frozenset({"cut", "degrade", "lose", "shape", "heal"})

    def apply(self, fault: Fault, now_ms: float) -> None:
        """Begin a Cut or a Degrade, or end them all (Heal)."""
        if isinstance(fault, Heal):
            for active in self._active:
                active.to_ms = now_ms
            self._ended += self._active
            self._active = []
            self._by_link = {}
        elif isinstance(fault, Cut | Degrade):
            active = _Active(fault, now_ms)
            self._active.append(active)
            for link in fault.links:
                self._by_link.setdefault(link, []).append(active)

    def plan(self, link: Link) -> tuple[float, ...]:
        """Delays (ms) after which copies of the next message on this link are delivered; empty if it is lost."""
        active = self._by_link.get(link)
        if not active:
            return (0.0,)
        random = self._random.get(link)
        if random is None:
            random = self._random[link] = Random(f"{self.seed} {link[0]} {link[1]}")
        copies = [0.0]
        for one in active:
            if isinstance(one.fault, Cut):
                one.touched += 1
                return ()
            degrade = one.fault
            if random.random() < degrade.loss:
                one.touched += 1
                return ()
            if degrade.duplicate and random.random() < degrade.duplicate:
                copies.append(0.0)
            if degrade.delay_ms:
                copies = [delay + random.expovariate(1 / degrade.delay_ms) for delay in copies]
            if degrade.reorder and random.random() < degrade.reorder:
                copies[0] += 2 * degrade.delay_ms + 20.0
            one.touched += len(copies) > 1 or copies[0] > 0
        return tuple(copies)

    def evidence(self) -> list[Evidence]:
        """One entry for each cut and degradation so far: how many messages it touched."""
        return [
            Evidence(
                one.fault,
                one.from_ms,
                one.to_ms,
                one.touched > 0,
                f"{one.touched} messages lost" if isinstance(one.fault, Cut) else f"{one.touched} messages disturbed",
            )
            for one in self._ended + self._active
        ]
