"""The search alone, without monitors, must agree with brute force; and stay small where others explode."""

from __future__ import annotations

import pytest
from hypothesis import given

from checker.budget import Budget
from checker.check import check
from checker.history import History, Operation
from checker.models import find
from checker.search import decide
from checker.shrink import shrink
from checker.verdict import Part
from checker.verify import verify_part
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS
from tests.checker.register_histories import crowded_cas
from tests.checker.strategies import histories
from tests.checker.test_check import FAST


@pytest.mark.slow
@pytest.mark.parametrize("name", AUTHORS)
def test_the_search_agrees_with_brute_force_and_proves_it(name: str) -> None:
    model = find(name)

    @FAST
    @given(histories(name))
    def holds(ops: list[Operation]) -> None:
        part = History.of([op for op in ops if op.status != "fail"])
        decision = decide(part, model, Budget())
        assert (decision.outcome == "valid") == linearizable(model, ops)
        rows, minimal = shrink(part, decision, model) if decision.outcome == "invalid" else ((), True)
        assert minimal
        witness = None if decision.witness is None else [int(part.index[row]) for row in decision.witness]
        counterexample = tuple(part[row] for row in rows)
        judged = Part(None, decision.outcome, "search", len(ops), witness=witness, counterexample=counterexample)
        assert verify_part(History.of(ops), model, judged) is None

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("name", AUTHORS)
def test_what_nobody_can_tell_apart_may_be_made_equal(name: str) -> None:
    model = find(name)

    @FAST
    @given(histories(name))
    def holds(ops: list[Operation]) -> None:
        happened = [op for op in ops if op.status != "fail"]
        assert linearizable(model, model.canonicalised(happened)) == linearizable(model, happened)

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("f", ["write", "cas"])
def test_crashed_writes_that_nobody_found_cost_few_steps(f: str) -> None:
    """Twenty of them, and a refused cas that needs one: each value apart would be a configuration of its own."""
    crashed = [Operation(i, i, f, None, i if f == "write" else (1, i), None, i, status="info") for i in range(2, 22)]
    done = [
        ("write", 1, None),
        ("cas", (1, 100), False),
        ("write", 1, None),
        ("cas", (1, 100), False),
        ("read", None, 1),
    ]
    ends = [
        Operation(30 + n, 99, *_call((g, given)), out, 100 + 10 * n, 105 + 10 * n)
        for n, (g, given, out) in enumerate(done)
    ]
    assert check([*crashed, *ends[:4]], "cas-register", budget=Budget(steps=500)).outcome == "valid"
    assert check([*crashed, *ends], "cas-register", budget=Budget(steps=500)).outcome == "invalid"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_five_values_and_twenty_crashes_need_few_steps(seed: int) -> None:
    model = find("cas-register")
    assert decide(crowded_cas(seed, None), model, Budget(steps=2_000_000)).outcome == "valid"
    assert decide(crowded_cas(seed, 9), model, Budget(steps=2_000_000)).outcome == "invalid"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_ways_to_a_state_neither_of_which_dominates_both_are_kept(order: tuple[int, int]) -> None:
    crashed = [("write", 1), ("cas", (None, 1))]  # only the write can bring the 1 back later
    ops = [Operation(i, i, *_call(crashed[n]), call=i, status="info") for i, n in enumerate(order)]
    for f, value, output in (("read", None, 1), ("write", 2, None), ("read", None, 1)):
        call = 10 * len(ops)
        ops.append(Operation(len(ops), 9, f, None, value, output, call, call + 5))
    assert decide(History.of(ops), find("cas-register"), Budget()).outcome == "valid"


def _call(call: tuple[str, object]) -> tuple[str, None, object]:
    return call[0], None, call[1]


def test_a_budget_of_steps_gives_the_same_answer_every_time() -> None:
    part = crowded_cas(1, 9)
    first = decide(part, find("cas-register"), Budget(steps=500))
    assert first.outcome == "unknown"
    assert first.reason is not None
    assert first.reason.startswith("out of steps (500): ")
    assert decide(part, find("cas-register"), Budget(steps=500)) == first


@pytest.mark.slow
def test_what_a_refutation_does_not_need_is_left_out() -> None:
    part = crowded_cas(1, 9)
    model = find("cas-register")
    rows, minimal = shrink(part, decide(part, model, Budget()), model)
    assert minimal
    assert [part[row].output for row in rows] == [9]


def test_no_value_of_a_history_passes_for_one_that_nobody_found() -> None:
    """What stands for unseen values is none that a client could have read."""
    model = find("register")
    unseen = Operation(0, 0, "write", None, 7, None, 0, 10, "ok")
    (canonicalised,) = model.canonicalised([unseen])
    assert canonicalised.input != 7
    read = Operation(1, 1, "read", None, None, repr(canonicalised.input), 20, 30, "ok")
    alike = Operation(1, 1, "read", None, None, ("a value that nobody found",), 20, 30, "ok")
    for shown in (read, alike):
        assert decide(History.of(model.canonicalised([unseen, shown])), model, Budget()).outcome == "invalid"
