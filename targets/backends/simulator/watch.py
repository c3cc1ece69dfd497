"""The invariants of a run, and which of them were violated."""

from __future__ import annotations

from targets.backends.simulator.loop import Loop
from targets.backends.simulator.network import MS
from targets.protocol.target import Invariant, Target


class Watch:
    """A host checks `at_starts` after the start of its node, and `at_steps` after every other handler."""

    def __init__(self, loop: Loop, target: Target) -> None:
        self._loop = loop
        self.at_steps: tuple[Invariant, ...] = tuple(make() for make in target.invariants)
        self.at_starts: tuple[Invariant, ...] = (*self.at_steps, *(make() for make in target.recovery))
        self.violations: list[str] = []
        self.first_ns: int | None = None
        """When the first violation was found."""

    def broken(self, invariant: Invariant, found: str) -> None:
        """Report an invariant once: what follows its first violation adds nothing."""
        self.at_steps = tuple(other for other in self.at_steps if other is not invariant)
        self.at_starts = tuple(other for other in self.at_starts if other is not invariant)
        self.first_ns = self._loop.now_ns if self.first_ns is None else self.first_ns
        self.violations.append(f"{invariant.name} at {self._loop.now_ns / MS:.1f} ms: {found}")
