"""The order that the slider steps through: of a proof as far as one goes, and why no operation can come next.

The order is found by trying, with the model itself: this file uses nothing of the checker's searches. Of a valid part
the witness is replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.history import FAIL, PENDING, History, Operation, identity
from checker.model import Inconsistent, Model, State
from checker.models import MODELS, find
from checker.verdict import Part
from naysayer.notation import value_text

OPERATIONS_MAX = 24
TRIES_MAX = 20_000
WITNESS_MAX = 400
PART_MAX = 20_000
"""What the operations of a proof say without the rest is asked of parts up to this size."""


@dataclass(frozen=True)
class Step:
    """An operation in its place, and the states of the object before and after it, in words."""

    index: int
    before: str
    after: str


@dataclass(frozen=True)
class Stuck:
    """An operation that could be next by real time, and why it cannot, in words."""

    index: int
    why: str


@dataclass(frozen=True)
class Order:
    """`stuck`: empty where the order is complete. `cut`: how many steps are not shown."""

    steps: tuple[Step, ...]
    stuck: tuple[Stuck, ...] = ()
    cut: int = 0


def order_of(part: Part, history: History, model: str) -> Order | None:
    """The order of an invalid or valid part; None where there is none to show (a user's model, a property)."""
    if model not in MODELS:
        return None
    rules = find(model)
    if part.outcome == "valid" and part.witness is not None:
        return _witnessed(part, history, rules)
    if part.outcome != "invalid" or part.since is not None or not 0 < len(part.counterexample) <= OPERATIONS_MAX:
        return None
    kept = _alone(part, history, rules)
    if kept is None:
        return None
    culprit = None if part.explanation is None else part.explanation.culprit
    return longest(kept, rules, culprit)


def _alone(part: Part, history: History, model: Model) -> Sequence[Operation] | None:
    """The operations of the proof, if they say the same without the rest of the history."""
    kept = [op for op in part.counterexample if op.status != "fail"]
    if model.by_key and part.key is not None:
        code = history.tables.key.find(part.key)
        history = history.select(history.key == (-1 if code is None else code))
    if len(history) > PART_MAX:
        return kept
    named = {op.index for op in kept}
    rest = history.select(history.status != FAIL)
    alone = model.without([op for op in rest if op.index not in named], kept)
    return kept if alone is not None and list(alone) == kept else None


def longest(operations: Sequence[Operation], model: Model, culprit: int | None = None) -> Order:
    """The longest order of the operations that real time and the model allow, without the culprit if there is a choice,
    and what cannot be next."""
    ops = sorted(operations, key=lambda op: (op.call, op.index))
    found = _Longest(ops, model, culprit)
    found.extend([], model.initial(), frozenset())
    state, steps = model.initial(), []
    for place in found.best:
        after = model.step(state, ops[place])
        assert not isinstance(after, Inconsistent)
        steps.append(Step(ops[place].index, value_text(state), value_text(after)))
        state = after
    stuck = []
    for place in _next(ops, frozenset(found.best)):
        why = model.step(state, ops[place])
        if isinstance(why, Inconsistent):
            stuck.append(Stuck(ops[place].index, str(why)))
    return Order(tuple(steps), tuple(stuck))


class _Longest:
    def __init__(self, ops: Sequence[Operation], model: Model, culprit: int | None) -> None:
        self.ops = ops
        self.model = model
        self.culprit = culprit
        self.best: list[int] = []
        self._worth = (-1, False, 0)
        self._seen: set[tuple[frozenset[int], object]] = set()

    def extend(self, order: list[int], state: State, placed: frozenset[int]) -> None:
        """Try every operation that may come next."""
        ended = sum(not self.ops[place].pending for place in order)
        worth = (ended, all(self.ops[place].index != self.culprit for place in order), -len(order))
        if worth > self._worth:
            self._worth, self.best = worth, list(order)
        if (placed, identity(state)) in self._seen or len(self._seen) > TRIES_MAX:
            return
        self._seen.add((placed, identity(state)))
        for place in _next(self.ops, placed):
            after = self.model.step(state, self.ops[place])
            if not isinstance(after, Inconsistent):
                self.extend([*order, place], after, placed | {place})


def _next(ops: Sequence[Operation], placed: frozenset[int]) -> list[int]:
    """The operations that no other one that is not placed precedes."""
    left = [place for place in range(len(ops)) if place not in placed]
    first = min((ops[place].ret for place in left), default=PENDING)
    return [place for place in left if ops[place].call <= first]


def _witnessed(part: Part, history: History, model: Model) -> Order:
    assert part.witness is not None
    rows = {int(index): row for row, index in enumerate(history.index)} if _renumbered(history) else None
    state, steps = model.initial(), []
    for index in list(part.witness[:WITNESS_MAX]):
        op = history[int(index) if rows is None else rows[int(index)]]
        after = model.step(state, op)
        if isinstance(after, Inconsistent):
            break
        steps.append(Step(op.index, value_text(state), value_text(after)))
        state = after
    return Order(tuple(steps), (), len(part.witness) - len(steps))


def _renumbered(history: History) -> bool:
    return bool(len(history)) and int(history.index[-1]) != len(history) - 1
