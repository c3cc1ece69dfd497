"""A process that we start ends when we end, even by SIGKILL and even while it is paused (Linux)."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Callable


def ends_with_us() -> Callable[[], None] | None:
    """The `preexec_fn` of a process that is to end with this one; None where the platform has no such thing.

    Linux takes the thread that starts a process for its parent: start it in one that lasts as long as we do.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None) if hasattr(signal, "SIGKILL") else None
    if prctl is None:
        return None

    def die_with_parent() -> None:
        prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    return die_with_parent
