"""Weaker models that a history satisfies, reported with a verdict, from strong to weak.

They need what the zones need, unique values; where those are missing, nothing is decided and the rungs say so. Each
property is defined where it is computed. None takes longer than reading the file did (some 5 us an operation) or 0.1 s:
what would is not computed, or given up after so many steps, and says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.explain import duration
from checker.found import Found, found_values
from checker.history import BEGINNING, History
from checker.monitors.register_columns import RegisterColumns, register_columns
from checker.monitors.zones import Ambiguous, Conflict, judge
from checker.sessions import causal, monotonic_reads, read_your_writes, rung, sequential
from checker.two_atomic import two_atomic
from checker.verdict import Rung

STALENESS_OPERATIONS_MAX = 1_000_000
"""The staleness of keys with more operations is not computed: it judges such a key some twenty times."""

RUNGS = (
    "staleness",
    "2-atomic",
    "sequential",
    "causal",
    "regular register",
    "safe register",
    "monotonic reads",
    "read your writes",
)


def ladder(history: History, begins_with: Any = None) -> tuple[Rung, ...]:
    """The rungs of a history of registers, CAS registers or a key-value store; () for other operations."""
    if register_columns(history, begins_with) is None:
        return ()
    found = found_values(history, begins_with)
    if found is None:
        return tuple(Rung(name, None, "not decided: values are not unique") for name in RUNGS)
    parts = [
        (int(part.key[0]), ops) for part in history.by_key().values() if (ops := register_columns(part, begins_with))
    ]
    broken = {key: ops for key, ops in parts if not _fits(ops, 0)}
    causes = causal(found)
    # Every sequentially consistent history is causally consistent.
    order = Rung("sequential", False, "not even causal") if causes.holds is False else sequential(found)
    order = order if broken else Rung("sequential", True)  # as is every linearizable one
    return (
        staleness(broken),
        two_atomic(found, broken),
        order,
        causes,
        regular(found),
        safe(found),
        monotonic_reads(found),
        read_your_writes(found),
    )


def staleness(broken: dict[int, RegisterColumns]) -> Rung:
    """The smallest delay by which moving the calls of all reads back makes every key linearizable, given those that
    are not (the Delta of Golab, Li and Shah, "Analyzing Consistency Properties for Fun and Profit", PODC 2011).

    A delay of more than half of the record bounds nothing that was seen: values that late, or never seen again, are
    lost rather than stale.
    """
    worst = 0
    for ops in broken.values():
        if _fits(ops, worst):
            continue
        if len(ops) > STALENESS_OPERATIONS_MAX:
            return Rung("staleness", None, f"not computed: more than {STALENESS_OPERATIONS_MAX:,} operations on a key")
        most = int(ops.call[-1] - ops.call[0])
        if not _fits(ops, most):
            return Rung("staleness", False, "no delay of reads explains it")
        bound = int(max(ops.ret[~ops.pending].max(), ops.call[-1]) - ops.call[0]) // 2
        if bound < most and not _fits(ops, bound):
            return Rung("staleness", False, f"reads would be stale by more than {duration(bound)}, half of the record")
        worst = _least(ops, worst, min(bound, most))
    return Rung("staleness", True, f"stale by ≤ {duration(worst)}" if worst else "never stale")


def _least(ops: RegisterColumns, too_small: int, enough: int) -> int:
    """The least delay, as exactly as it will be shown."""
    while duration(too_small + 1) != duration(enough):
        middle = (too_small + enough) // 2
        if _fits(ops, middle):
            enough = middle
        else:
            too_small = middle
    return enough


def _fits(ops: RegisterColumns, delay: int) -> bool:
    """Whether one key is linearizable once its reads were called that much earlier."""
    call = np.where(ops.left < 0, ops.call - delay, ops.call)
    order = np.argsort(call, kind="stable")
    moved = RegisterColumns(
        ops.row[order],
        call[order],
        ops.ret[order],
        ops.pending[order],
        ops.found[order],
        ops.left[order],
        ops.refused,
        ops.codes,
    )
    return not isinstance(judge(moved), Conflict | Ambiguous)


def regular(found: Found) -> Rung:
    """Regular (Lamport, "On Interprocess Communication", 1986; for several writers, each read by itself): a read
    returns the value of a write that overlaps it, or of one that no other write lies wholly between."""
    wrong = _irregular(found)
    return rung(
        "regular register", found, wrong, _unwritten(found, wrong) or "returned a value overwritten before it began"
    )


def _irregular(found: Found) -> NDArray[np.bool_]:
    ended, began = found.of_writer(found.ret), found.of_writer(found.call)
    newest = found.newest_ended(np.where(found.writes, found.call, BEGINNING))
    return found.unknown() | (found.reads & ((began > found.ret) | (newest > ended)))


def safe(found: Found) -> Rung:
    """Safe (Lamport 1986): a read that overlaps no write is regular; one that does may return anything."""
    overlapped = np.zeros(len(found), dtype=np.bool_)
    for rows in found.by_key():
        writes = rows[found.writes[rows]]
        begun = np.searchsorted(np.sort(found.call[writes]), found.ret[rows], side="right")
        ended = np.searchsorted(np.sort(found.ret[writes]), found.call[rows], side="left")
        overlapped[rows] = begun - ended > found.writes[rows]
    wrong = _irregular(found) & ~overlapped
    return rung("safe register", found, wrong, _unwritten(found, wrong) or "ran alone and returned an old value")


def _unwritten(found: Found, wrong: NDArray[np.bool_]) -> str:
    """What the first operation that is wrong did, if no operation had begun to write the value that it returned."""
    if not wrong.any():
        return ""
    first = int(np.argmax(wrong))
    if found.unknown()[first]:
        return "returned a value that no operation wrote"
    return "returned a value before its write began" if found.of_writer(found.call)[first] > found.ret[first] else ""
