"""Explains a value that was found though the operation that tried to insert it had failed, instead of a phantom value.

Monitors do not see failed operations: these never happened, and prove nothing. But they show where a value came from.
(Registers and strings have explanations of their own: explain.py, explain_append.py.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from checker.history import FAIL, History, Operation
from checker.values import show
from checker.verdict import Explanation

PUTS = ("add", "append", "enqueue", "push", "insert")
DID = {"contains": "found", "read": "showed"}


def of_failed(phantom: Explanation, history: History) -> Explanation:
    """The explanation of a value that no operation inserted; a better one if a failed operation of `history` tried
    to."""
    culprit = history[int(np.flatnonzero(history.index == phantom.culprit)[0])]
    names, values = history.tables.f, history.tables.value
    puts = np.isin(history.f, [names.code(f) for f in PUTS])
    failed = puts & (history.status == FAIL) & (history.call <= culprit.ret)
    happened = set(history.input[puts & ~failed].tolist())
    shown = {code for value in _shown(culprit) if (code := values.code(value)) not in happened}
    for row in np.flatnonzero(failed).tolist():
        if int(history.input[row]) in shown:
            op = history[row]
            value, did = show(op.input), DID.get(culprit.f, "took")
            sentence = (
                f"Value of a failed {op.f}: #{culprit.index} {did} {value}, though #{op.index}, which tried to {op.f} "
                f"{value}, had failed and so never happened."
            )
            return replace(phantom, kind="failed-write-read", sentence=sentence, failed=(op,))
    return phantom


def _shown(op: Operation) -> Iterable[Any]:
    """The values that an operation found."""
    if op.f == "contains":
        return [op.input]
    return op.output if isinstance(op.output, list | tuple) else [op.output]
