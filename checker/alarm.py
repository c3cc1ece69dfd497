"""Ends a model's step that runs longer than its budget has seconds: a clock that is read only between steps is
read too late. By a timer signal, in the main thread of a platform that has them; elsewhere between steps."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from checker.budget import Budget

AGAIN_S = 0.1
"""A step may catch the exception that ends it: it is raised again after this time."""

SOON_S = 0.001
"""How soon it rings again where an exception would be lost."""

LONGEST_S = 1e8
"""Three years; the platform's timer knows no infinity."""


@contextmanager
def ended_in_time(budget: Budget) -> Iterator[None]:
    """In the block, OutOfBudget is raised at the deadline of a budget, wherever the block is by then."""
    if budget.deadline is None or not _has_timer():
        yield
        return
    armed = True

    def ring(number: int, frame: FrameType | None) -> None:
        if armed and _loses_exceptions(frame):
            signal.setitimer(signal.ITIMER_REAL, SOON_S, AGAIN_S)
        elif armed:
            raise budget.out_of_time()

    before = signal.signal(signal.SIGALRM, ring)
    left_s = min(max(budget.deadline - time.monotonic(), SOON_S), LONGEST_S)
    signal.setitimer(signal.ITIMER_REAL, left_s, AGAIN_S)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _loses_exceptions(frame: FrameType | None) -> bool:
    """Whether Python is in a destructor or a callback of its garbage collector, from which no exception comes out."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _has_timer() -> bool:
    """Whether this thread may use the process's timer, and no other code uses it."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    return signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
