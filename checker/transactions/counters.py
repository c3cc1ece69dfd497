"""Counters: a read shows a sum, and not which increments it is made of. So serial orders are tried (replay.py)."""

from __future__ import annotations

import numpy as np

from checker.history import FAIL
from checker.transactions.local import Locals
from checker.transactions.table import Table
from checker.transactions.versions import Versions

REASON = "a counter does not show which increments a read saw"


def versions(table: Table, found: Locals) -> Versions:
    """No versions are known."""
    none = np.zeros(0, dtype=np.int64)
    return Versions([], none, none, none, none, none, table.status != FAIL, REASON)
