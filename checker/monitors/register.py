"""Registers, CAS registers, and one key of a key-value store, where every value found was written only once."""

from __future__ import annotations

from typing import Any

from checker.history import History
from checker.monitors import sandwich
from checker.monitors.proof import counterexample, rows_of
from checker.monitors.register_columns import RegisterColumns, register_columns
from checker.monitors.zones import Ambiguous, Conflict, judge
from checker.verdict import Decision


def decide(part: History, begins_with: Any = None) -> Decision | None:
    """Judges one register (read, write, cas, delete; `begins_with`: its initial value) by zones.

    Where a cas was refused or a value found was written more than once, zones alone do not apply: the sandwich is
    tried. None if that does not decide either, or the part holds an operation which no register has. Why a
    counterexample has no order is left to checker.explain, which may use the failed operations as well.
    """
    ops = register_columns(part, begins_with)
    if ops is None:
        return None
    outcome = judge(ops)
    if isinstance(outcome, Ambiguous):
        conflict = sandwich.without(ops, outcome)
        return None if conflict is None else _invalid(ops, conflict, "sandwich")
    if isinstance(outcome, Conflict):
        return _invalid(ops, outcome, "sandwich" if len(ops.refused) else "zones")
    if not len(ops.refused):
        return Decision("valid", "zones", witness=ops.row[outcome])
    witness = sandwich.insert_refused(part, ops, outcome, begins_with)
    return None if witness is None else Decision("valid", "sandwich", witness=witness)


def _invalid(ops: RegisterColumns, conflict: Conflict, method: str) -> Decision:
    rows = rows_of(ops, counterexample(ops, conflict))
    return Decision("invalid", method, counterexample=rows)
