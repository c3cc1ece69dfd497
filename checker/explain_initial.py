"""Whether an operation of several registers found what they may have begun with (single registers: explain.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from checker.explain import argument
from checker.history import History, Operation, identity
from checker.model import Model
from checker.models.fenced import FencedRegister
from checker.models.multi_register import READS, WRITES, MultiRegister, micros
from checker.values import show
from checker.verdict import Explanation


def with_initial(explanation: Explanation, history: History, model: Model) -> Explanation:
    """The explanation; with the option --initial, where the operation that is blamed found a value that no operation
    had begun to write, while registers are taken to begin empty."""
    if (
        not isinstance(model, FencedRegister | MultiRegister)
        or model.begins_with is not None
        or explanation.culprit is None
    ):
        return explanation
    culprit = history[int(np.flatnonzero(history.index == explanation.culprit)[0])]
    begun = [history[int(row)] for row in np.flatnonzero(history.call <= culprit.ret)]
    written = {place for op in begun for place in _written(op)}
    replaced = {register for op in begun if op.status == "ok" and op.ret < culprit.call for register, _ in _written(op)}
    for register, value in _found(culprit):
        place = (identity(register), identity(value))
        if value is not None and place not in written and place[0] not in replaced:
            hint = f" If registers initially hold {show(value)}, check with --initial {argument(value)}."
            return replace(explanation, sentence=explanation.sentence + hint)
    return explanation


def _written(op: Operation) -> Iterator[tuple[Any, Any]]:
    if op.f == "fenced-write":
        yield None, identity(op.input[1])
    elif op.f == "txn":
        yield from ((identity(register), identity(value)) for f, register, value in micros(op) if f in WRITES)


def _found(op: Operation) -> Iterator[tuple[Any, Any]]:
    if op.f == "read":
        yield None, op.output
    elif op.f == "txn":
        yield from ((register, value) for f, register, value in micros(op) if f in READS)
