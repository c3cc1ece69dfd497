"""The verifier must refuse every proof that proves nothing; and the rule it trusts, the model's, must be sound."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.verdict import Part, Verdict
from checker.verify import verify, verify_part
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS, history
from tests.checker.test_check import FAST, STALE, op

REGISTER = find("register")


@pytest.mark.slow
@pytest.mark.parametrize("name", AUTHORS)
def test_no_part_of_a_legal_history_proves_that_it_is_illegal(name: str) -> None:
    model = find(name)

    @FAST
    @given(st.randoms(use_true_random=False), st.integers(1, 8))
    def holds(rng: Random, size: int) -> None:
        ops = [op for op in history(AUTHORS[name], rng, "legal", size) if op.status != "fail"]
        for _ in range(4):
            chosen = [rng.random() < 0.6 for _ in ops]
            kept = [op for op, keep in zip(ops, chosen, strict=True) if keep]
            dropped = [op for op, keep in zip(ops, chosen, strict=True) if not keep]
            if model.may_leave_out(dropped, kept):
                assert linearizable(model, kept), dropped
            claim = Part(None, "invalid", "search", len(ops), counterexample=tuple(kept))
            assert verify_part(History.of(ops), model, claim) is not None

    holds()


@pytest.mark.parametrize("model", ["queue", "stack", "unordered-queue"])
def test_a_take_that_ends_too_late_does_not_stand_for_a_pending_one(model: str) -> None:
    """The pending take took the first value, so nothing was left; the late one took the second, put in after that."""
    put, take = ("push", "pop") if model == "stack" else ("enqueue", "dequeue")
    ops = [
        op(0, put, 0, 1, input=1),
        op(1, take, 2, PENDING, status="info"),
        op(2, take, 3, 4),
        op(3, take, 5, 10, output=1),
        op(4, put, 7, 8, input=1),
    ]
    claim = Part(None, "invalid", "search", 5, counterexample=(ops[0], ops[2], ops[3]))
    assert linearizable(find(model), ops)
    assert verify_part(History.of(ops), find(model), claim) is not None


def objection(ops: list[Operation], part: Part) -> str:
    return verify_part(History.of(ops), REGISTER, part) or "none"


LEGAL = [
    op(0, "write", 0, 1, input=1),
    op(1, "read", 2, 5, output=1),
    op(2, "write", 3, PENDING, input=2, status="info"),
    op(3, "read", 6, 7, output=2),
]


def test_a_witness_that_is_none_is_refused() -> None:
    right = Part(None, "valid", "zones", 4, witness=[0, 1, 2, 3])
    assert objection(LEGAL, right) == "none"
    for witness, message in (
        ([0, 1, 2], "lacks #3"),
        ([0, 2, 3, 1], "#3 before #1, which had returned"),
        ([0, 1, 3], "cannot continue with #3: read 2, but the register holds 1"),
        ([0, 1, 2, 2, 3], "#2 twice"),
        ([0, 1, 2, 3, 9], "#9 which did not happen"),
        (None, "lacks #0"),
    ):
        assert message in objection(LEGAL, replace(right, witness=witness))


def test_a_witness_is_held_against_the_latest_call_so_far_and_not_only_against_the_one_before() -> None:
    ops = [op(0, "read", 10, 20), op(1, "read", 0, 30), op(2, "read", 1, 5)]
    right = Part(None, "valid", "search", 3, witness=[2, 1, 0])
    assert objection(ops, right) == "none"
    assert "#0 before #2, which had returned" in objection(ops, replace(right, witness=[0, 1, 2]))


def test_who_makes_sure_that_a_cas_is_refused_must_stand_between_in_real_time() -> None:
    """cas 5 -> 6 was refused. Without the write of 7, does it stay refused in every order?"""
    model = find("cas-register")
    seven = op(0, "write", 0, 100, input=7)

    def stays_refused(five: tuple[int, int], one: tuple[int, int]) -> bool:
        kept = [op(1, "write", *five, input=5), op(2, "write", *one, input=1)]
        return model.may_leave_out([seven], [*kept, op(3, "cas", 10, 20, input=(5, 6), output=False)])

    assert stays_refused(five=(0, 1), one=(3, 8))
    assert not stays_refused(five=(11, 30), one=(3, 8)), "the write of 5 is concurrent with the cas"
    assert not stays_refused(five=(20, 30), one=(3, 8)), "what is called as the cas returns is concurrent with it"
    assert not stays_refused(five=(0, 1), one=(3, 10)), "the write of 1 may come after the cas"
    assert not stays_refused(five=(0, 3), one=(3, 8)), "the write of 1 may come before that of 5"
    assert stays_refused(five=(21, 30), one=(3, 8))


def test_a_counterexample_that_proves_nothing_is_refused() -> None:
    def of(*ops: Operation) -> Part:
        return Part(None, "invalid", "zones", 4, counterexample=ops)

    assert objection(STALE, of(*STALE[:3])) == "none"
    assert objection(STALE, of(STALE[0], STALE[2])) == "the counterexample has a legal order"
    assert objection(STALE, of()) == "the counterexample has a legal order"
    assert "differs" in objection(STALE, of(*STALE[:2], replace_output(STALE[2], 7)))
    assert "did not happen" in objection(STALE, of(*STALE[:3], op(9, "read", 0, 9, output=9)))
    # Without its writer a read is illegal; but the writer of a value must not be left out.
    assert objection(STALE, of(STALE[3])) == "the counterexample has a legal order"


def replace_output(operation: Operation, output: int) -> Operation:
    return op(operation.index, operation.f, operation.call, operation.ret, output=output)


def test_operations_after_the_violation_need_not_be_shown() -> None:
    later = [op(4, "write", 10, 11, input=1), op(5, "read", 12, 13, output=1)]
    part = Part(None, "invalid", "search", 6, counterexample=tuple(STALE[:3]))
    assert objection(STALE + later, part) == "none"
    before = [op(4, "write", 3, 5, input=1)]
    assert objection(STALE + before, part) == "the counterexample has a legal order"


def test_a_verdict_that_its_parts_do_not_bear_out_is_refused() -> None:
    whole = History.of(LEGAL)
    verdict = check(whole, "register")
    assert verify(whole, REGISTER, verdict) == []
    assert verify(whole, REGISTER, replace(verdict, parts=())) == ["there is no verdict on it"]
    assert "its parts are valid" in verify(whole, REGISTER, replace(verdict, outcome="invalid"))[0]
    stranger: Verdict = replace(verdict, parts=(*verdict.parts, Part("y", "valid", "zones", 0, witness=[])))
    assert verify(whole, REGISTER, stranger) == ['there is no key "y" in the history']
