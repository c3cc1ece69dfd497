"""Of a container in which values repeat: that one was taken more often than it was put in, which the few operations of
a counterexample need not show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checker.english import counted
from checker.history import FAIL, History, identity
from checker.model import Model
from checker.models.bags import Bag
from checker.values import shown
from checker.verdict import Explanation

SHOWN = 4
"""So many operations are named."""


def with_counts(explanation: Explanation, history: History, model: Model) -> Explanation:
    """The explanation; of a take that no operation was left to put in for, how often its value was put in and taken."""
    if not isinstance(model, Bag) or explanation.culprit is None:
        return explanation
    late = history[int(np.flatnonzero(history.index == explanation.culprit)[0])]
    if late.f != model.take or late.output is None:
        return explanation
    begun = [history[int(row)] for row in np.flatnonzero((history.call <= late.ret) & (history.status != FAIL))]
    value = identity(late.output)
    puts = {op.index for op in begun if op.f == model.put and identity(op.input) == value}
    takes = {op.index for op in begun if op.f == model.take and identity(op.output) == value and op.ret <= late.ret}
    if not puts or len(takes) <= len(puts):
        return explanation
    names = ", ".join(f"#{index}" for index in sorted(takes - {late.index})[:SHOWN])
    names += " and others" if len(takes) > SHOWN + 1 else ""
    sentence = (
        f"Taken too often: #{late.index} took {shown(late.output)}, as {names} had by then, but only "
        f"{counted(len(puts), 'operation')} that put it in had begun when #{late.index} returned."
    )
    return replace(explanation, kind="duplicate-value", sentence=sentence)
