"""Registers with swap and fetch-add, as registers with cas: a swap that found `a` and left `b` is a cas from a to b
that succeeded, and so is a fetch-add. A pending swap is a pending write. So unique values are decided by zones.

Where values repeat, the search decides. The state follows from which operations have taken effect: each was left once
more often than it was found, where it is the last ("anagram-agnostic data types", PLDI 2026, arXiv 2509.05586, section
on read-modify-write registers), so the search is exponential in the operations under way alone.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from checker.history import History, Operation
from checker.models.register import same
from checker.models.rmw import leaves
from checker.monitors import register
from checker.verdict import Decision


def decide(part: History, begins_with: Any) -> Decision | None:
    """None where the search must decide: a fetch-add is pending, or added to 0 or an empty register, which may be the
    same; or values repeat."""
    ops = list(part)
    adds = [op for op in ops if op.f == "fetch-add"]
    if any(op.pending for op in adds):
        return None
    if any(op.output is None or same(op.output, 0) for op in adds) and any(
        same(value, 0) for value in (begins_with, *(leaves(op) for op in ops if op.f != "read"))
    ):
        return None
    return register.decide(History.of(_as_cas(op) for op in ops), begins_with)


def _as_cas(op: Operation) -> Operation:
    if op.f not in ("swap", "fetch-add"):
        return op
    if op.pending:
        return structs.replace(op, f="write")
    found = None if op.f == "fetch-add" and same(op.output, 0) else op.output
    return structs.replace(op, f="cas", input=(found, leaves(op)), output=True)
