"""Which values from outside can be recorded and judged: those that JSON holds exactly, within bounds."""

from __future__ import annotations

from math import isfinite
from typing import Any

DEPTH_MAX = 64
"""Comparing, hashing and printing recurse: a thousand lists in each other would end in a RecursionError."""

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**64 - 1


def objection(value: Any) -> str | None:
    """Why a value cannot be recorded, as the end of a sentence about it; None if it can be."""
    if value is None or value is True or value is False:
        return None
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, list | tuple | dict):
            if depth >= DEPTH_MAX:
                return f"is nested more than {DEPTH_MAX} deep"
            if isinstance(one, dict):
                if not all(isinstance(key, str) for key in one):
                    return "has a map with keys that are not strings, which JSON cannot hold"
                waiting += [(item, depth + 1) for item in one]
                one = one.values()
            waiting += [(item, depth + 1) for item in one]
        elif (found := _scalar(one)) is not None:
            return found
    return None


def _scalar(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if INTEGER_MIN <= value <= INTEGER_MAX else "has an integer beyond 64 bits"
    if isinstance(value, float):
        return None if isfinite(value) else f"has the number {value}, which JSON cannot hold"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "has half of a surrogate pair in a string"
        return None
    advice = "; decode it" if isinstance(value, bytes) else ""
    return f"is or has a {type(value).__name__}, which JSON cannot hold{advice}"
