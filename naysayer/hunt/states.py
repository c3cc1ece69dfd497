"""The abstract states that a hunt has seen, and an estimate of those that it has not."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

RECENT = 100
"""New states are given for each of the last so many runs."""


class Seen:
    """How many runs reached each state."""

    def __init__(self) -> None:
        self._runs: Counter[int] = Counter()
        self._new: deque[int] = deque(maxlen=RECENT)

    def add(self, runs: Iterable[tuple[int, ...]]) -> None:
        """Add some runs, each with the states that it reached."""
        for states in runs:
            self._new.append(sum(state not in self._runs for state in states))
            self._runs.update(states)

    @property
    def states(self) -> int:
        """How many states were seen."""
        return len(self._runs)

    @property
    def new_per_run(self) -> float:
        """States that each of the last runs was the first to reach, on average."""
        return sum(self._new) / len(self._new) if self._new else 0.0

    @property
    def unseen(self) -> float:
        """The share of what another run would meet that no run has met: Good and Turing's estimate, the number of
        states that were met once over the number of all meetings (I. J. Good, Biometrika 40, 1953)."""
        met = self._runs.total()
        return sum(runs == 1 for runs in self._runs.values()) / met if met else 1.0

    def sentence(self) -> str:
        """What is known, for reports."""
        if not self.states:
            return "no states were seen"
        return (
            f"{self.states:,} distinct states of the cluster, {self.new_per_run:.0f} new in each of the last runs; of "
            f"what another run would meet, an estimated {self.unseen:.0%} is new (Good-Turing)"
        )
