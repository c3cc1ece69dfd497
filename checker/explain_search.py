"""Why no order works, for any model: the operation that cannot be placed, and what it would have had to meet."""

from __future__ import annotations

from collections.abc import Sequence

from checker.alarm import ended_in_time
from checker.budget import Budget, Meter, OutOfBudget
from checker.configurations import Frontier
from checker.history import History, Operation
from checker.just_in_time import Walk
from checker.model import Inconsistent, Model, State
from checker.steps import Steps
from checker.values import shown
from checker.verdict import Explanation

STATES_SHOWN = 3
OTHERS_SHOWN = 8


def explain_search(
    counterexample: Sequence[Operation], model: Model, budget: Budget, proof: Sequence[Operation] | None = None
) -> Explanation:
    """Explains operations which a search found to have no order. `proof`: what they say without the rest of the
    history (`Model.without`), if that is less."""
    original = {op.index: op for op in counterexample}
    part = History.of(counterexample if proof is None else proof)
    unaltered = all(original.get(op.index) == op for op in part)
    try:
        with ended_in_time(budget.begun()):
            steps = Steps(model)
            frontier = Frontier(steps, Meter(budget), remember=False)
            row = Walk(part, frontier).run([steps.kind(op) for op in part])
            if row is None:
                return no_order(len(part))
            if unaltered:
                return fits_nowhere(part[row], [steps.states[state] for state in frontier.reached], model)
            return _contradicts(original.get(part[row].index, part[row]), counterexample)
    except OutOfBudget:
        return no_order(len(part))


def _contradicts(op: Operation, counterexample: Sequence[Operation]) -> Explanation:
    """Explains an operation that has no place beside the others, where what they say is less than what they returned:
    then the states that it would have met are not those of the history."""
    others = [f"#{other.index}" for other in counterexample if other.index != op.index]
    names = ", ".join(others[:OTHERS_SHOWN]) + (" ..." if len(others) > OTHERS_SHOWN else "")
    sentence = f"#{op.index} ({did(op)}) fits nowhere: it contradicts {names} in every order."
    return Explanation("no-order", sentence, culprit=op.index, notes={op.index: "fits nowhere"})


def no_order(operations: int) -> Explanation:
    """The explanation of a counterexample of which only the size is known."""
    return Explanation("no-order", f"No order of these {operations} operations explains what they returned.")


def fits_nowhere(op: Operation, states: Sequence[State], model: Model) -> Explanation:
    """Explains an operation that could not have returned what it did, whichever of these states it met."""
    reasons = []
    for state in states:
        why = model.step(state, op)
        if isinstance(why, Inconsistent):
            reasons.append(str(why))
    distinct = list(dict.fromkeys(reasons))
    shown = "; or ".join(distinct[:STATES_SHOWN])
    more = len(distinct) - STATES_SHOWN
    rest = f"; or one of {more} other possibilities" if more > 0 else ""
    sentence = f"#{op.index} ({did(op)}) fits nowhere: in every order of what came before, it {shown}{rest}."
    return Explanation("no-order", sentence, culprit=op.index, notes={op.index: "fits nowhere"})


def did(op: Operation) -> str:
    """What an operation did, for a sentence: cas [2, 4] → true."""
    given = "" if op.input is None else f" {shown(op.input)}"
    return f"{op.f}{given}" + ("" if op.output is None else f" → {shown(op.output)}")
