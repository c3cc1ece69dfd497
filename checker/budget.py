"""What a part of a check may use. Steps make a verdict reproducible; seconds and memory protect the machine."""

from __future__ import annotations

import mmap
import sys
import time
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

SAMPLE_STEPS = 4096
"""Clock and memory are looked at once in so many steps."""

_STATM = Path("/proc/self/statm")


@dataclass(frozen=True)
class Budget:
    """Limits for each key of a history; None: no limit.

    `steps`: model steps that the search tries. `memory_mb`: growth of this process (resident, MiB) since its first
    few thousand steps. It is not enforced where memory_is_measured() is False.
    """

    steps: int | None = 20_000_000
    seconds: float | None = None
    memory_mb: int | None = 4096


class OutOfBudget(Exception):  # noqa: N818 - not an error: it ends a search with the verdict `unknown`
    """A limit was reached; the text says which."""


class Interrupted(BaseException):
    """Raised by a signal handler of the caller's: ends a check, whose verdict then holds what was decided by then.

    No Exception, lest somebody takes it for a failure of the checker.
    """


class Meter:
    """Counts the steps of one part against its budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.steps = 0
        self._limit = sys.maxsize if budget.steps is None else budget.steps
        self._sample = min(SAMPLE_STEPS, self._limit)
        self._started = time.monotonic()
        self._resident_mb: float | None = None  # a short search need not ask

    def spend(self, steps: int = 1) -> None:
        """Raises OutOfBudget where a limit is passed."""
        self.steps += steps
        if self.steps > self._sample:
            self._check()

    def _check(self) -> None:
        budget = self.budget
        if self.steps > self._limit:
            raise OutOfBudget(f"out of steps ({self._limit:,})")
        if budget.seconds is not None and time.monotonic() - self._started > budget.seconds:
            raise OutOfBudget(f"out of time ({budget.seconds:g} s)")
        if budget.memory_mb is not None:
            self._check_memory(budget.memory_mb)
        self._sample = min(self.steps + SAMPLE_STEPS, self._limit)

    def _check_memory(self, limit_mb: int) -> None:
        now_mb = _resident_mb()
        if now_mb is None:
            return
        self._resident_mb = now_mb if self._resident_mb is None else self._resident_mb
        if now_mb - self._resident_mb > limit_mb:
            raise OutOfBudget(f"out of memory ({limit_mb:,} MiB)")


def memory_is_measured() -> bool:
    """Whether this platform lets a process read how much memory it holds (Windows does not, by Python alone)."""
    return _resident_mb() is not None


def _resident_mb() -> float | None:
    try:
        return int(_STATM.read_text().split()[1]) * mmap.PAGESIZE / 2**20
    except OSError:  # no /proc: the highest so far is the best there is, in bytes on macOS and in KiB elsewhere
        if resource is None:
            return None
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
