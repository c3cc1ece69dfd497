"""What a part of a check may use. Steps make a verdict reproducible; seconds and memory protect the machine."""

from __future__ import annotations

import mmap
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

SAMPLE_STEPS = 4096
"""Memory is measured once in this many steps, and the clock is read at least as often."""

CLOCK_S = 0.02
"""How often the clock is read, where steps are shorter than that."""

Bound = Literal["steps", "seconds", "memory", "interrupt"]
"""What ended a check before it was decided."""

_STATM = Path("/proc/self/statm")


@dataclass(frozen=True)
class Budget:
    """Limits of a check; None: no limit.

    `steps`: configurations that the search visits for each key (some 4 microseconds and 100 bytes each, with a step of
    the model that takes none). `seconds`: how long the whole check may take. `memory_mb`:
    growth of this process (resident, MiB) since the first few thousand steps of a key. It is not enforced where
    memory_is_measured() is False.
    """

    steps: int | None = 4_000_000
    seconds: float | None = None
    memory_mb: int | None = 4096
    deadline: float | None = None
    """When `seconds` are over (time.monotonic()), once a check has begun."""

    def begun(self) -> Budget:
        """The same with its deadline."""
        if self.seconds is None or self.deadline is not None:
            return self
        return replace(self, deadline=time.monotonic() + self.seconds)

    @property
    def left_s(self) -> float | None:
        """Seconds left until the deadline, 0 if it is over; None: no limit, or not begun."""
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.0)

    def out_of_time(self) -> OutOfBudget:
        """What is raised at the deadline."""
        return OutOfBudget(f"out of time ({self.seconds:g} s)", "seconds")


class OutOfBudget(Exception):  # noqa: N818 - not an error: it ends a search with the verdict `unknown`
    """A limit was reached; the text names it, and so does `bound` ("steps", "seconds" or "memory")."""

    def __init__(self, text: str, bound: Bound) -> None:
        super().__init__(text)
        self.bound: Bound = bound


class Interrupted(BaseException):
    """Raised by a signal handler of the caller: ends a check, whose verdict then contains what was decided by then.

    Not an Exception, so that no handler mistakes it for a failure of the checker.
    """


class Meter:
    """Counts the steps of one part against its budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget.begun()
        self.steps = 0
        self._limit = sys.maxsize if budget.steps is None else budget.steps
        self._every = SAMPLE_STEPS if budget.seconds is None else 1
        self._sample = min(self._every, self._limit)
        self._clock_read = time.monotonic()
        self._memory_at = SAMPLE_STEPS
        self._resident_mb: float | None = None  # a short search need not ask

    def spend(self, steps: int = 1) -> None:
        """Raises OutOfBudget where a limit is passed."""
        self.steps += steps
        if self.steps > self._sample:
            self._check()

    def _check(self) -> None:
        budget = self.budget
        if self.steps > self._limit:
            raise OutOfBudget(f"out of steps ({self._limit:,})", "steps")
        if budget.deadline is not None:
            self._check_time(budget.deadline)
        if budget.memory_mb is not None and self.steps > self._memory_at:
            self._check_memory(budget.memory_mb)
            self._memory_at = self.steps + SAMPLE_STEPS
        self._sample = min(self.steps + self._every, self._limit)

    def _check_time(self, deadline: float) -> None:
        """Steps of some models take seconds, of others microseconds: the clock is read by time, not by steps."""
        now = time.monotonic()
        if now > deadline:
            raise self.budget.out_of_time()
        faster = now - self._clock_read < CLOCK_S
        self._every = min(2 * self._every, SAMPLE_STEPS) if faster else max(self._every // 8, 1)
        self._clock_read = now

    def _check_memory(self, limit_mb: int) -> None:
        now_mb = resident_mb()
        if now_mb is None:
            return
        self._resident_mb = now_mb if self._resident_mb is None else self._resident_mb
        if now_mb - self._resident_mb > limit_mb:
            raise OutOfBudget(f"out of memory ({limit_mb:,} MiB)", "memory")


def memory_is_measured() -> bool:
    """Whether this platform lets a process read how much memory it holds (Windows does not, by Python alone)."""
    return resident_mb() is not None


def resident_mb() -> float | None:
    """The memory that this process holds, in MiB; None where it cannot be read."""
    try:
        return int(_STATM.read_text().split()[1]) * mmap.PAGESIZE / 2**20
    except OSError:  # no /proc: the highest so far is the best there is, in bytes on macOS and in KiB elsewhere
        if resource is None:
            return None
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
