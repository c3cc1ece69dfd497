"""The convergence wait: whether the nodes show every value that they must show, after all faults are undone.

Eventually consistent systems (broadcast, sets, counters, logs) may need time. So every node is read in rounds until no
value is missing. If nothing improves for STILL_S_MAX, the values that the nodes show are taken as final.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.history import Operation
from checker.properties.eventual import Lack
from targets.protocol.node import NodeId

STILL_S_MAX = 30.0
SLOW_S = 3.0
"""After this time it is worth checking whether the wait is pointless."""

PAUSE_S, PAUSE_S_MAX, PAUSE_FACTOR = 0.05, 2.0, 1.5
"""The pause between two rounds; it grows by PAUSE_FACTOR up to PAUSE_S_MAX."""


@dataclass
class Convergence:
    """The result of the rounds so far. Times are seconds on one clock; `began_s`: when all faults were undone."""

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
        """Add the operations of a round in which every node was asked."""
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
        """Whether every node showed every value in the last round."""
        return not self.silent and not self.missing

    @property
    def spent_s(self) -> float:
        """Seconds from `began_s` to the last round."""
        return self._now_s - self.began_s

    @property
    def slow(self) -> bool:
        """Whether it takes longer than fast systems need."""
        return self.spent_s >= SLOW_S

    @property
    def still(self) -> bool:
        """Whether nothing improved for so long that no improvement is expected."""
        return self._now_s - self._better_s >= STILL_S_MAX

    def __str__(self) -> str:
        if self._best is None:
            return "reading every node, 0.0 s without progress"
        after = f"{self.spent_s:.1f} s after healing"
        if self.complete:
            return f"every node showed every value {after}"
        what = [f"{self.missing} missing"] if self.missing else []
        what += [f"{' '.join(self.silent)} silent"] if self.silent else []
        return f"{', '.join(what)} {after}, {self._now_s - self._better_s:.1f} s without progress"
