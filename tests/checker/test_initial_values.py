"""Registers that begin with a value of the caller's: brute force, the models and the proofs agree on it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checker.check import check
from checker.errors import UsageError
from checker.history import FAIL, History, Operation
from checker.ladder import ladder
from checker.models import find
from checker.transactions.judged import judge
from checker.values import Token
from checker.verdict import Verdict
from checker.verify import verify
from naysayer.options import CheckOptions
from tests.checker.fuzz import disagreement
from tests.checker.generate import AUTHORS, STYLES, history


def op(index: int, f: str, given: Any = None, got: Any = None, **more: Any) -> Operation:
    return Operation(index, index, f, None, given, got, 10 * index, 10 * index + 5, **more)


def sentence(verdict: Verdict) -> str:
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    return verdict.worst.explanation.sentence


@pytest.mark.slow
@pytest.mark.parametrize("name", ["register", "cas-register", "kv", "fenced-register"])
def test_brute_force_agrees_whatever_registers_begin_with(name: str) -> None:
    decided: dict[str, int] = {}
    for number in range(1200):
        rng = Random(f"initial {name} {number}")
        ops = history(AUTHORS[name], rng, STYLES[number % len(STYLES)], rng.randint(1, 7))
        how, problem = disagreement(find(name, begins_with=rng.choice((1, 2, 3, "a"))), ops)
        assert problem is None, (problem, ops)
        decided[how.split()[0]] = decided.get(how.split()[0], 0) + 1
    assert decided["valid"] > 100
    assert decided["invalid"] > 100


def test_a_first_read_of_a_value_written_later_names_the_option_instead_of_that_write() -> None:
    first = op(0, "read", got=0)
    for later in ([op(1, "write", 0)], [op(1, "write", 0, status="fail")], [op(1, "write", 5), op(2, "write", 0)], []):
        whole = History.of([first, *later])
        explanation = sentence(check(whole, "register"))
        assert "--initial 0" in explanation
        assert "#1" not in explanation
        assert check(whole, find("register", begins_with=0)).outcome == "valid"


def test_no_initial_value_is_suggested_once_another_value_was_certainly_there() -> None:
    for first in (op(0, "write", 1), op(0, "delete"), op(0, "cas", (None, 2), True)):
        assert "--initial" not in sentence(check([first, op(1, "read", got=7)], "kv"))


def test_a_read_of_nothing_where_the_register_begins_with_a_value_is_told_as_that() -> None:
    verdict = check([op(0, "read"), op(1, "delete"), op(2, "read")], find("kv", begins_with=5))
    assert sentence(verdict) == "Initial value missed: #0 returned nothing, though the register initially holds 5."
    assert check([op(1, "delete"), op(2, "read")], find("kv", begins_with=5)).outcome == "valid"


def test_stale_reads_of_the_initial_value_are_stale_reads() -> None:
    verdict = check([op(0, "read", got=5), op(1, "write", 6), op(2, "read", got=5)], find("register", begins_with=5))
    assert sentence(verdict) == "Stale read: #2 returned 5, though #1 had already written 6 and finished."
    assert {rung.name: rung.holds for rung in ladder(History.of([op(0, "read", got=5)]), 5)}["regular register"]


def test_every_proof_about_a_refused_cas_knows_what_the_register_began_with() -> None:
    model = find("cas-register", begins_with=1)
    whole = History.of([op(0, "write", 2, status="fail"), op(1, "cas", (1, 3), False), op(2, "read", got=1)])
    assert int(whole.status[0]) == FAIL
    verdict = check(whole, model)
    assert verdict.outcome == "invalid"
    assert verify(whole, model, verdict) == []


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ('"0"', "0"), ("a", "a"), ("true", True), ("[1,2]", [1, 2]), (":a", Token(":a"))]
)
def test_the_option_takes_json_or_bare_text(text: str, value: Any) -> None:
    assert CheckOptions(initial=text).begins_with == value


def test_what_is_no_register_takes_no_initial_value() -> None:
    for name in ("queue", "kv-append", "log"):
        with pytest.raises(UsageError, match="takes no initial value"):
            find(name, begins_with=0)
    with pytest.raises(UsageError, match="takes no initial value"):
        judge(History.of([]), "txn-list-append", "serializable", begins_with=0)
