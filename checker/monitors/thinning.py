"""Leaving out of a counterexample what is not needed, halves first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checker.history import Operation

AS_ONE = 8
"""To set up a search or walk of so many operations takes as long as one configuration."""


def without_needless(
    ops: list[Operation], some: Sequence[Operation], refuted: Callable[[list[Operation]], bool]
) -> list[Operation]:
    """The operations without as many of some of them as may go; `refuted`: what is left has no order either."""
    if not some:
        return ops
    gone = {op.index for op in some}
    kept = [op for op in ops if op.index not in gone]
    if kept and refuted(kept):
        return kept
    if len(some) > 1:
        middle = len(some) // 2
        ops = without_needless(without_needless(ops, some[:middle], refuted), some[middle:], refuted)
    return ops
