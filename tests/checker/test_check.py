"""What check() says must be what brute force says, proved, whatever the history."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from msgspec import structs

from checker import Budget, History, Inconsistent, Model, Operation, UsageError, check, verify
from checker.check import NOTHING_SUCCEEDED
from checker.history import PENDING
from checker.model import State
from checker.models import MODELS, find
from checker.monitors import MONITORS
from tests.checker.fuzz import disagreement
from tests.checker.generate import AUTHORS, STYLES
from tests.checker.strategies import histories

FAST = settings(
    max_examples=200,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.slow
@pytest.mark.parametrize("name", AUTHORS)
def test_every_verdict_is_brute_forces_and_its_proof_is_accepted(name: str) -> None:
    model = find(name)

    @FAST
    @given(histories(name))
    def holds(ops: list[Operation]) -> None:
        _, problem = disagreement(model, ops)
        assert problem is None

    holds()


def test_every_model_has_an_author_and_every_monitor_a_model() -> None:
    assert set(AUTHORS) == set(MODELS)
    assert set(MONITORS) <= set(MODELS)
    assert STYLES == ("legal", "mutated", "arbitrary")


def op(index: int, f: str, call: int, ret: int, **rest: object) -> Operation:
    return Operation(index, index, f, call=call, ret=ret, **rest)  # type: ignore[arg-type]


STALE = [
    op(0, "write", 0, 1, input=1),
    op(1, "write", 2, 3, input=2),
    op(2, "read", 4, 5, output=1),
    op(3, "read", 4, 5, output=2),
]


def test_a_verdict_has_a_part_per_key_and_the_worst_decides() -> None:
    ops = [
        Operation(o.index + 4 * n, o.process, o.f, key, o.input, o.output, o.call, o.ret)
        for n, key in enumerate("xy")
        for o in STALE
        if key == "y" or o.output != 1
    ]
    verdict = check(ops, "kv")
    assert [(part.key, part.outcome) for part in verdict.parts] == [("x", "valid"), ("y", "invalid")]
    assert verdict.outcome == "invalid"
    assert verdict.worst is not None
    assert verdict.worst.key == "y"
    assert {o.index for o in verdict.worst.counterexample} == {4, 5, 6}
    assert verify(History.of(ops), find("kv"), verdict) == []


class Halver(Model):
    """A user's own model: a number that is set and halved."""

    name: ClassVar[str] = "halver"
    summary: ClassVar[str] = "set, halve"
    operations: ClassVar[frozenset[str]] = frozenset({"set", "halve"})

    def initial(self) -> State:
        return 0

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, int)
        if op.f == "set":
            return op.input  # type: ignore[no-any-return]
        if op.pending or op.output == state // 2:
            return state // 2
        return Inconsistent(f"halved to {op.output}, but the number was {state}")


def test_a_users_model_gets_search_proof_and_sentence() -> None:
    ops = [
        op(0, "set", 0, 1, input=8),
        op(1, "halve", 2, 3, output=4),
        op(2, "halve", 4, 5, output=4),
        op(3, "set", 6, 7),
    ]
    verdict = check(ops, Halver)
    assert (verdict.outcome, verdict.method, verdict.model) == ("invalid", "search", "halver")
    part = verdict.worst
    assert part is not None
    assert part.explanation is not None
    assert part.explanation.culprit == 2
    assert "halved to 4, but the number was 4" in part.explanation.sentence
    assert [o.index for o in part.counterexample] == [0, 1, 2]
    assert verify(History.of(ops), Halver(), verdict) == []
    assert check(ops[:2], Halver()).outcome == "valid"


def test_what_runs_out_of_budget_is_unknown_and_says_how_far_it_got() -> None:
    verdict = check([op(i, "set", 0, 100, input=i) for i in range(14)], Halver, budget=Budget(steps=5))
    assert verdict.outcome == "unknown"
    assert verdict.worst is not None
    assert verdict.worst.reason is not None
    assert verdict.worst.reason.startswith("out of steps (5): 6 of 14 operations placed, 8 live")
    assert (
        check([op(i, "set", 0, 100, input=i) for i in range(14)], Halver, budget=Budget(seconds=0)).outcome == "unknown"
    )


def test_an_error_inside_the_checker_is_unknown_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(part: History, budget: Budget, model: Model) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setitem(MONITORS, "counter", broken)
    part = check([op(0, "add", 0, 1, input=1)], "counter").worst
    assert part is not None
    assert part.outcome == "unknown"
    line = broken.__code__.co_firstlineno + 1
    assert part.reason == f"the checker failed: ZeroDivisionError: oops (test_check.py, line {line})"


def test_what_a_users_model_raises_is_not_taken_for_a_verdict() -> None:
    class Broken(Halver):
        def step(self, state: State, op: Operation) -> State | Inconsistent:
            raise ZeroDivisionError("oops")

    with pytest.raises(ZeroDivisionError, match="oops"):
        check([op(0, "set", 0, 1)], Broken)


def test_unknown_models_and_operations_are_refused() -> None:
    with pytest.raises(UsageError, match="there is no model 'regster'"):
        check(STALE, "regster")
    with pytest.raises(UsageError, match="operation #0: the model halver has no 'write'"):
        check(STALE, Halver)


def test_a_users_model_that_lacks_something_is_refused_in_a_sentence() -> None:
    class Nameless(Model):
        pass

    class Listed(Halver):
        def initial(self) -> State:
            return []  # type: ignore[return-value]

    with pytest.raises(UsageError, match="the model Nameless has no `name`"):
        check(STALE, Nameless)
    with pytest.raises(UsageError, match="is not a model: give a name, or a class derived from"):
        check(STALE, dict)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"a state of the model halver cannot be hashed \(unhashable type: 'list'\)"):
        check([op(0, "set", 0, 1)], Listed)


def test_a_pending_cas_that_nobody_observed_proves_nothing() -> None:
    ops = [op(i, "cas", i, PENDING, input=(1, 2 + i), status="info") for i in range(2)]
    ops.append(op(2, "read", 2, 5, output=3))
    verdict = check(ops, "cas-register")
    assert verdict.worst is not None
    assert [o.index for o in verdict.worst.counterexample] == [1, 2]
    assert verify(History.of(ops), find("cas-register"), verdict) == []


def test_a_history_in_which_nothing_succeeded_is_unknown() -> None:
    never = [op(0, "write", 0, PENDING, input=1, status="info"), op(1, "read", 2, 3, status="fail")]
    for ops in ([], never[1:], never):
        verdict = check(ops, "register")
        assert verdict.outcome == "unknown"
        assert verify(History.of(ops), find("register"), verdict) == []
        assert all(part.reason == NOTHING_SUCCEEDED for part in verdict.parts)
    assert check([*never, op(2, "read", 4, 5)], "register").outcome == "valid"


def test_a_key_without_a_success_beside_others_changes_no_verdict() -> None:
    quiet = structs.replace(op(0, "write", 0, PENDING, input=1, status="info"), key="a")
    assert check([quiet, structs.replace(op(1, "read", 2, 3), key="b")], "kv").outcome == "valid"


@pytest.mark.slow
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [0, 1, 3, 2, 4, 5]])
def test_hundreds_of_identical_crashed_operations_are_counted(order: list[int]) -> None:
    crashed = [op(i, "append", 0, 1, input="a", status="info") for i in range(300)]
    reads = [op(300 + i, "read", 10 * i + 10, 10 * i + 11, output="a" * (50 * n)) for i, n in enumerate(order)]
    verdict = check(crashed + reads, "kv-append", budget=Budget(steps=200_000))
    assert verdict.outcome == ("valid" if order == sorted(order) else "invalid")
