"""Containers in which values repeat: what may go, what counting refutes and what is cut, as brute force says."""

from __future__ import annotations

from random import Random

import pytest
from msgspec import structs

from checker.budget import Budget
from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.models.bags import Bag, Queue
from checker.monitors import counts, repeated_bag
from checker.verdict import Part, Start
from checker.verify import has_order, verify, verify_part
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS, STYLES, history
from tests.checker.spans import spans

BAGS = ("queue", "unordered-queue", "stack", "priority-queue")

COUNT = 1_500
"""Histories of each kind compared with brute force."""


def bag(name: str) -> Bag:
    model = find(name)
    assert isinstance(model, Bag)
    return model


def few_values(name: str, seed: object, size: int) -> list[Operation]:
    """A small history of a container with two or three values."""
    rng = Random(f"{name} {seed}")
    ops = history(AUTHORS[name], rng, rng.choice(STYLES), rng.randint(2, size))
    return [
        structs.replace(op, input=_of_few(op.input), output=_of_few(op.output))
        for op in ops
        if op.status != "fail" and not (op.f == "peek" and op.pending)
    ]


def _of_few(value: int | None) -> int | None:
    return None if value is None else value % 2 if value < 6 else value % 3


@pytest.mark.slow
@pytest.mark.parametrize("name", BAGS)
def test_what_may_go_leaves_a_legal_history_legal(name: str) -> None:
    model = bag(name)
    some = 0
    for seed in range(4 * COUNT):
        ops = few_values(name, seed, 9)
        if len(ops) < 2 or not linearizable(model, ops):
            continue
        rng = Random(seed)
        early = sorted(ops, key=lambda op: (op.ret, op.call))[: rng.randrange(1, len(ops))]
        gone = {op.index for op in early if rng.random() < 0.8}
        gone |= {op.index for op in ops if rng.random() < 0.1}
        dropped, kept = ([op for op in ops if (op.index in gone) == out] for out in (True, False))
        if model.may_leave_out(dropped, kept):
            assert linearizable(model, kept), (seed, dropped, kept)
        left = model.without(dropped, kept)
        if left is not None:
            assert has_order(left, PENDING, model, [Start(model.initial())], 100_000), (seed, dropped, kept)
            some += bool(model.staying(dropped, kept)) and bool(kept)
    assert some > COUNT / 50


@pytest.mark.slow
@pytest.mark.parametrize("name", BAGS)
def test_what_counting_refutes_has_no_order(name: str) -> None:
    model, found = bag(name), 0
    for seed in range(COUNT):
        ops = few_values(name, f"counts {seed}", 9)
        if counts.refuted(History.of(ops), model) is not None:
            found += 1
            assert not linearizable(model, ops), (seed, ops)
    assert found > COUNT / 20


@pytest.mark.slow
@pytest.mark.parametrize("name", BAGS[1:])
def test_what_is_cut_has_no_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_bag, "WHOLE_MAX", 0)
    model, smaller = bag(name), 0
    for seed in range(COUNT):
        ops = few_values(name, f"cut {seed}", 12)
        part = History.of(ops)
        decision = repeated_bag.decide(part, Budget(), model)
        if decision is None:
            continue
        assert (decision.outcome == "valid") == linearizable(model, ops), (seed, ops)
        if decision.outcome == "invalid":
            rows = decision.counterexample
            claim = Part(None, "invalid", "search", len(ops), counterexample=tuple(part[row] for row in rows))
            assert verify_part(part, model, claim) is None, (seed, ops)
            smaller += len(rows) < len(ops)
    assert smaller > COUNT / 20


def repeated(name: str, count: int, clients: int, lie: int | None, seed: int = 1) -> list[Operation]:
    """A legal history on values 0..4; `lie`: what a take near its end returned, unless None."""
    rng = Random(f"{name} {seed}")
    model, author = bag(name), AUTHORS[name]
    state, ops = author.initial(), []
    for client, call, ret in spans(rng, count, clients):
        f = rng.choice((model.put, model.take))
        given = rng.randrange(5) if f == model.put else None
        state, output = author.execute(state, f, given)
        ops.append(Operation(len(ops), client, f, None, given, output, call, ret))
    if lie is None:
        return ops
    at = max(i for i, op in enumerate(ops[: count * 97 // 100]) if op.output not in (None, lie))
    ops[at] = structs.replace(ops[at], output=lie)
    return ops


def test_one_wrong_answer_of_a_priority_queue_is_shown_by_a_few_operations() -> None:
    ops = repeated("priority-queue", 600, 4, 4)
    verdict = check(ops, "priority-queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "counts")
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) <= 20
    assert verify(History.of(ops), find("priority-queue"), verdict) == []


def test_a_peek_sees_the_first_and_leaves_it_there() -> None:
    def ops(seen: int | None, again: int | None) -> list[Operation]:
        rows = [
            ("enqueue", 1, None),
            ("enqueue", 1, None),
            ("peek", None, seen),
            ("dequeue", None, 1),
            ("peek", None, again),
        ]
        return [Operation(i, i, f, None, given, got, 10 * i, 10 * i + 5) for i, (f, given, got) in enumerate(rows)]

    assert check(ops(1, 1), "queue").outcome == "valid"
    assert check(ops(2, 1), "queue").outcome == "invalid"
    assert check(ops(1, None), "queue").outcome == "invalid"


def test_an_enqueue_that_comes_too_late_for_any_dequeue_may_go() -> None:
    puts = [Operation(i, i, "enqueue", None, i % 2, None, 10 * i, 10 * i + 5) for i in range(6)]
    take = Operation(6, 6, "dequeue", None, None, 0, 70, 75)
    assert Queue().may_leave_out(puts[2:], [*puts[:2], take])
    assert not Queue().may_leave_out(puts[1:], [puts[0], take])


def test_what_happened_before_a_stack_was_empty_may_go() -> None:
    rows = [("push", 1, None), ("pop", None, 1), ("push", 1, None), ("pop", None, 2)]
    ops = [Operation(i, i, f, None, given, got, 10 * i, 10 * i + 5) for i, (f, given, got) in enumerate(rows)]
    stack = bag("stack")
    assert stack.may_leave_out(ops[:2], ops[2:])
    assert not stack.may_leave_out(ops[:1], ops[2:])
    assert not stack.may_leave_out([ops[0], structs.replace(ops[1], ret=20)], ops[2:])


@pytest.mark.parametrize("name", BAGS)
def test_a_value_that_was_taken_too_often_is_said_to_be_that(name: str) -> None:
    model = bag(name)
    puts = [Operation(i, 0, model.put, None, 1, None, 2 * i, 2 * i + 1) for i in range(2)]
    takes = [Operation(i, 1, model.take, None, None, 1, 2 * i, 2 * i + 1) for i in range(2, 5)]
    worst = check(History.of([*puts, *takes]), name).worst
    assert worst is not None
    assert worst.explanation is not None
    assert worst.explanation.kind == "duplicate-value"
    assert "#4 took 1, as #2, #3 had by then, but only 2 operations that put it in" in worst.explanation.sentence
    assert check(History.of([*puts, *takes[:2]]), name).outcome == "valid"
