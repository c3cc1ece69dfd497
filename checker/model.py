"""A model: what a system should do if it were one machine that executed one operation after another.

Users write their own model as one class like the ones in checker/models/ and get the search, partitioning,
explanation and reports with it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from checker.history import Operation

State = Hashable


class Inconsistent(str):
    """A step that the model does not allow; the text is a sentence saying why, in plain words."""

    __slots__ = ()


class Model:
    """Base of all models.

    `step` answers: may `op`, executed alone on `state`, have ended as it did? It returns the next state, or
    Inconsistent("read 3, but the register holds 2"). States are immutable and hashable. A pending operation
    (`op.pending`) has no known output: `step` applies its effect and does not look at `op.output`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    operations: ClassVar[frozenset[str]]
    """The operation names (`f`) it knows; others are refused before judging."""
    by_key: ClassVar[bool] = True
    """True if each key is an object of its own, so that keys are judged apart (P-compositionality)."""

    def initial(self) -> State:
        raise NotImplementedError

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        raise NotImplementedError

    def effect_free(self, op: Operation) -> bool:
        """True if the operation changes no state whatever it returns (a read): pending ones are dropped."""
        return False
