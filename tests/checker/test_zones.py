"""The zones must agree with brute force on every small history, and prove what they say."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from checker.history import History, Operation
from checker.monitors.register import decide
from tests.checker.register_histories import random_register


def step(state: Any, op: Operation) -> tuple[bool, Any]:
    """Whether a register holding `state` may answer `op` as it did, and what it then holds."""
    if op.f == "read":
        return op.output == state, state
    if op.f == "cas":
        source, target = op.input
        if op.pending:
            return True, target if state == source else state
        return (state == source) == (op.output is not False), target if state == source else state
    return True, op.input


def possible(ops: Sequence[Operation]) -> bool:
    """Brute force: some order of all ok operations and some of the pending ones respects time and the register."""
    seen = set()

    def search(left: frozenset[int], state: Any) -> bool:
        if all(ops[i].pending for i in left):
            return True
        if (left, state) in seen:
            return False
        seen.add((left, state))
        bound = min(ops[i].ret for i in left)
        for i in sorted(left):
            if ops[i].call <= bound:
                fits, after = step(state, ops[i])
                if fits and search(left - {i}, after):
                    return True
        return False

    return search(frozenset(range(len(ops))), None)


def replay(part: History, witness: Sequence[int]) -> str | None:
    """Why a witness is no witness, or None."""
    rows = [int(row) for row in witness]
    missing = set(range(len(part))) - set(rows)
    if len(set(rows)) != len(rows) or any(not part[row].pending for row in missing):
        return "operations missing or twice"
    state: Any = None
    latest = -1
    for row in rows:
        op = part[row]
        latest = max(latest, op.call)
        if op.ret < latest:
            return f"#{row} returned before one in front of it was called"
        fits, state = step(state, op)
        if not fits:
            return f"#{row} does not fit"
    return None


def closed(part: History, rows: Sequence[int]) -> str | None:
    """Why leaving out the other operations could have broken a legal history, or None."""
    inside = [part[row] for row in rows]
    outside = [part[row] for row in range(len(part)) if row not in rows]
    found = {op.output if op.f == "read" else op.input[0] for op in inside if op.f in ("read", "cas")}
    left = {op.input[1] if op.f == "cas" else op.input for op in outside if op.f != "read" and op.output is not False}
    identity = {op.input[0] for op in outside if op.f == "cas" and op.input[0] == op.input[1]}
    lost = (found & left) - identity
    return f"the origin of {lost} is missing" if lost else None


def judged_right(part: History) -> str:
    """Checks a verdict and its proof against brute force; the outcome, or "none"."""
    decision = decide(part)
    if decision is None:
        return "none"
    assert (decision.outcome == "valid") == possible(list(part)), list(part)
    if decision.outcome == "valid":
        assert decision.witness is not None
        assert replay(part, list(decision.witness)) is None, list(part)
    else:
        assert not possible([part[row] for row in decision.counterexample]), list(part)
        assert closed(part, decision.counterexample) is None, list(part)
    return decision.outcome


@pytest.mark.parametrize(
    ("cas", "refused", "unique"),
    [(False, False, True), (True, False, True), (True, True, True), (True, True, False), (False, False, False)],
    ids=["register", "cas", "refused-cas", "repeated-values", "repeated-values-no-cas"],
)
def test_every_small_history_is_judged_as_brute_force_judges_it(cas: bool, refused: bool, unique: bool) -> None:
    outcomes = {"valid": 0, "invalid": 0, "none": 0}
    for seed in range(1500):
        rng = Random(seed)
        ops = random_register(rng, rng.choice((4, 6, 8)), cas=cas, refused=refused, unique=unique)
        outcomes[judged_right(History.of(ops))] += 1
    assert outcomes["valid"] > 300
    assert outcomes["invalid"] > 50
    if unique and not cas:
        assert outcomes["none"] == 0
