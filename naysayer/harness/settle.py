"""Whether the nodes still get nearer to showing all that must be there, once everything is healed.

Systems that promise something for the end only (broadcast, sets, counters, logs) may take their time. So every node
is read in rounds until nothing is missing; only where nothing got better for STILL_S_MAX is what they show taken for
their last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.history import Operation
from checker.properties.eventual import Lack
from targets.protocol.node import NodeId

STILL_S_MAX = 30.0
SLOW_S = 3.0
"""After so long it is worth a look whether they are waited for in vain."""

PAUSE_S, PAUSE_S_MAX, PAUSE_FACTOR = 0.05, 2.0, 1.5
"""Between two rounds; it grows."""


@dataclass
class Settling:
    """What the rounds showed so far. Times are s on one clock; `began_s`: when all was healed."""

    nodes: tuple[NodeId, ...]
    lack: Lack
    began_s: float

    def __post_init__(self) -> None:
        self.silent: tuple[NodeId, ...] = self.nodes
        self.missing = 0
        self.pause_s = PAUSE_S
        self._best: tuple[int, int] | None = None
        self._better_s = self._now_s = self.began_s

    def look(self, answers: Sequence[Operation], now_s: float) -> None:
        """Take in the operations of a round in which every node was asked."""
        shown = {node: [op for op in answers if op.node == node and op.status == "ok"] for node in self.nodes}
        self.silent = tuple(node for node, by in shown.items() if not by)
        self.missing = sum(self.lack(by) for by in shown.values() if by)
        now = (len(self.silent), self.missing)
        if self._best is None or now < self._best:
            self._best, self._better_s = now, now_s
        self._now_s = now_s
        self.pause_s = min(PAUSE_S_MAX, self.pause_s * PAUSE_FACTOR)

    @property
    def complete(self) -> bool:
        """True if every node showed all in the last round."""
        return not self.silent and not self.missing

    @property
    def spent_s(self) -> float:
        """From the healing to the last round."""
        return self._now_s - self.began_s

    @property
    def slow(self) -> bool:
        """True if it takes longer than quick systems need."""
        return self.spent_s >= SLOW_S

    @property
    def still(self) -> bool:
        """True if nothing got better for so long that nothing more is to be expected."""
        return self._now_s - self._better_s >= STILL_S_MAX

    def __str__(self) -> str:
        if self._best is None:
            return "the nodes are asked what they know, 0.0 s without progress"
        after = f"{self.spent_s:.1f} s after the healing"
        if self.complete:
            return f"every node showed all {after}"
        what = [f"{self.missing} missing"] if self.missing else []
        what += [f"{' '.join(self.silent)} silent"] if self.silent else []
        return f"{', '.join(what)} {after}, {self._now_s - self._better_s:.1f} s without progress"
