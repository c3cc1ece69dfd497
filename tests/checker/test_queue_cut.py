"""What a refuted queue with repeated values is cut to: few operations, each cut sound, each proof verified."""

from __future__ import annotations

from random import Random

import pytest
from msgspec import structs

from checker.budget import Budget
from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.monitors import repeated_queue
from checker.verdict import Part
from checker.verify import verify, verify_part
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS, STYLES, history
from tests.checker.test_repeated_values import crowd

QUEUE = find("queue")

COUNT = 1_500
"""Histories compared with brute force."""


@pytest.mark.parametrize("found", [0, 3, None])
def test_a_late_lie_is_refuted_by_a_few_operations(found: int | None) -> None:
    ops = crowd("queue", 6, 300, seed=3)
    at = next(i for i, op in enumerate(ops) if op.f == "dequeue" and op.output not in (found, None) and i > 250)
    ops[at] = structs.replace(ops[at], output=found)
    verdict = check(ops, "queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "frontiers")
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) <= 30
    assert verify(History.of(ops), QUEUE, verdict) == []


def test_a_beginning_may_go_only_if_it_ended_before_the_rest_began() -> None:
    def op(index: int, f: str, value: int, call: int, ret: int) -> Operation:
        given = {"input": value} if f == "enqueue" else {"output": value}
        return structs.replace(Operation(index, index, f, None, None, None, call, ret), **given)

    first = [op(0, "enqueue", 1, 0, 1), op(1, "dequeue", 1, 2, 3)]
    kept = [op(2, "enqueue", 1, 4, 5), op(3, "enqueue", 2, 6, 7), op(4, "dequeue", 1, 8, 9)]
    assert QUEUE.may_leave_out(first, kept)
    assert not QUEUE.may_leave_out(first[:1], kept)
    assert not QUEUE.may_leave_out(first, [structs.replace(kept[0], call=1), *kept[1:]])
    assert not QUEUE.may_leave_out([first[0], structs.replace(first[1], ret=8)], kept)
    pending = Operation(5, 5, "dequeue", None, None, None, 2, PENDING, "info")
    assert not QUEUE.may_leave_out(first, [*kept, pending])


@pytest.mark.slow
def test_what_is_cut_has_no_order_as_brute_force_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_queue, "WHOLE_MAX", 0)
    refuted = smaller = 0
    for seed in range(COUNT):
        rng = Random(f"cut {seed}")
        ops = [
            op for op in history(AUTHORS["queue"], rng, rng.choice(STYLES), rng.randrange(2, 12)) if op.status != "fail"
        ]
        _check_cuts(ops)
        decision = repeated_queue.decide(History.of(ops), Budget())
        assert decision is not None
        assert (decision.outcome == "valid") == linearizable(QUEUE, ops), seed
        if decision.outcome == "invalid":
            rows = decision.counterexample
            part = History.of(ops)
            claim = Part(None, "invalid", "frontiers", len(ops), counterexample=tuple(part[row] for row in rows))
            assert verify_part(part, QUEUE, claim) is None, seed
            refuted += 1
            smaller += len(rows) < len(ops)
    assert refuted > COUNT / 10
    assert smaller > COUNT / 20


def _check_cuts(ops: list[Operation]) -> None:
    """Whatever the model lets go of a legal history, a legal one is left."""
    if not linearizable(QUEUE, ops):
        return
    for k in range(1, 4):
        gone = {id(op) for f in ("enqueue", "dequeue") for op in _first(ops, f, k)}
        dropped = [op for op in ops if id(op) in gone]
        kept = [op for op in ops if id(op) not in gone]
        if QUEUE.may_leave_out(dropped, kept):
            assert linearizable(QUEUE, kept)


def _first(ops: list[Operation], f: str, k: int) -> list[Operation]:
    own = [op for op in ops if op.f == f and (f == "enqueue" or op.output is not None)]
    return sorted(own, key=lambda op: op.call)[:k]


@pytest.mark.slow
@pytest.mark.parametrize(("clients", "seed"), [(5, 15), (10, 64)])
def test_what_is_cut_still_says_until_when(clients: int, seed: int) -> None:
    """Without the operation that fits nowhere, the verifier would not know at which instant to cut."""
    ops, rng = crowd("queue", clients, 300, seed=seed), Random(seed)
    at = rng.choice([at for at, op in enumerate(ops) if op.output is not None and at > 200])
    ops[at] = structs.replace(ops[at], output=rng.choice([value for value in range(5) if value != ops[at].output]))
    verdict = check(History.of(ops), "queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "frontiers")
    assert verify(History.of(ops), QUEUE, verdict) == []
