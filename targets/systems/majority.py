"""How many nodes a majority is: one rule for every system here."""

from __future__ import annotations

from collections.abc import Sized


def majority(nodes: Sized) -> int:
    """The least number of these nodes such that any two sets of that size have a node in common: more than half.

    What one majority stored, promised or voted, some node of every later majority knows. All safety here rests on it.
    """
    return len(nodes) // 2 + 1
