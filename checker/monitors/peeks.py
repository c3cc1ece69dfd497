"""Peeks change nothing, so what has no order without them has none; but an order without them may leave no place for
them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from checker.history import History
from checker.models.bags import PEEK
from checker.verdict import Decision


def decided_without(part: History, decide: Callable[[History], Decision | None]) -> Decision | None:
    """What `decide` makes of a part; where there are peeks, only if it refutes the rest."""
    others = np.flatnonzero(part.f != part.tables.f.code(PEEK))
    if len(others) == len(part):
        return decide(part)
    decision = decide(part.select(others))
    if decision is None or decision.outcome != "invalid":
        return None
    return replace(decision, counterexample=tuple(int(others[row]) for row in decision.counterexample))
