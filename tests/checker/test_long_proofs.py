"""Long histories of things that grow are refuted by a few operations, which the verifier confirms."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.verify import verify

SIZE, LATE = 20_000, 19_900


def grown(model: str, crashed: float) -> History:
    """Operations at points 1 µs apart, each legal at its own, but for one late read of what was over long before."""
    random, ops, held = Random(1), list[Operation](), list[int]()
    for number in range(SIZE):
        point = 10**6 + number * 1000
        status: Any = "ok"
        if number != LATE and random.random() < (0.02 if model == "append-list" else 0.5):
            held.append(number)
            f, given, output = {
                "counter": ("add", 1, None),
                "log": ("append", number, len(held) - 1),
                "append-list": ("append", number, None),
            }[model]
            status = "info" if random.random() < crashed else "ok"
        else:
            missing = 50 if number == LATE else 0
            place = random.randrange(len(held) + 1)
            f, given, output = {
                "counter": ("read", None, len(held) - missing),
                "log": ("read", len(held) - missing, None) if missing else ("read", place, (*held, None)[place]),
                "append-list": ("read", None, tuple(held[: len(held) - missing])),
            }[model]
        call, ret = point - random.randint(1, 2500), point + random.randint(1, 2500)
        known = status == "ok"
        ops.append(
            Operation(
                number, number, f, None, given, output if known else None, call, ret if known else PENDING, status
            )
        )
    return History.of(ops)


@pytest.mark.slow
@pytest.mark.parametrize("crashed", [0.0, 0.001])
@pytest.mark.parametrize("model", ["counter", "log", "append-list"])
def test_one_late_fault_is_proved_by_a_few_operations(model: str, crashed: float) -> None:
    history = grown(model, crashed)
    verdict = check(history, model)
    assert verdict.outcome == "invalid"
    assert verdict.worst is not None
    pending = sum(op.pending for op in history if op.f != "read")
    assert len(verdict.worst.counterexample) <= 12 + pending
    assert verify(history, find(model), verdict) == []


@pytest.mark.slow
@pytest.mark.parametrize("model", ["counter", "log", "append-list"])
def test_half_of_the_proof_is_none(model: str) -> None:
    """What is left out must be known not to matter: the verifier takes nothing on trust."""
    history = grown(model, 0.0)
    verdict = check(history, model)
    (part,) = verdict.parts
    for chosen in (part.counterexample[:1], part.counterexample[-1:], ()):
        claim = replace(verdict, parts=(replace(part, counterexample=chosen),))
        assert verify(history, find(model), claim) != []
