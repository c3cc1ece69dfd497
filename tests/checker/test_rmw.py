"""Registers with swap and fetch-add: what brute force says, by zones where values are unique."""

from __future__ import annotations

from typing import Any

import pytest

from checker.check import check
from checker.history import PENDING, Operation
from checker.models import find
from tests.checker.fuzz import agreed
from tests.checker.generate import AUTHORS

Row = tuple[str, Any, Any, int, int | None]


def operations(*rows: Row) -> list[Operation]:
    """(f, input, output, call, ret or None where pending)."""
    return [
        Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, "info" if ret is None else "ok")
        for i, (f, given, got, call, ret) in enumerate(rows)
    ]


@pytest.mark.slow
def test_brute_force_agrees_and_every_proof_holds() -> None:
    decided = agreed("rmw-register", AUTHORS["rmw-register"], 3_000, "rmw")
    assert decided["valid by zones"] > 300
    assert decided["invalid by zones"] > 50
    assert decided["valid by search"] > 50


def test_two_that_were_given_the_same_number_are_a_violation() -> None:
    ops = operations(("fetch-add", 1, None, 0, 5), ("fetch-add", 1, 1, 10, 20), ("fetch-add", 1, 1, 12, 22))
    verdict = check(ops, "rmw-register")
    assert (verdict.outcome, verdict.method) == ("invalid", "zones")
    assert check(ops[:2], "rmw-register").outcome == "valid"


def test_a_swap_takes_its_turn_between_what_it_found_and_what_it_left() -> None:
    ops = operations(
        ("write", 1, None, 0, 5), ("swap", 2, 1, 10, 30), ("read", None, 2, 12, 20), ("swap", 3, 2, 15, 25)
    )
    assert check(ops, "rmw-register").outcome == "valid"
    late = operations(*[("write", 1, None, 0, 5), ("swap", 2, 1, 10, 12), ("read", None, 1, 20, 30)])
    assert check(late, "rmw-register").outcome == "invalid"


def test_an_empty_register_counts_as_zero_to_which_something_is_added() -> None:
    assert check(operations(("fetch-add", 5, 0, 0, 5), ("read", None, 5, 10, 15)), "rmw-register").outcome == "valid"
    model = find("rmw-register", begins_with=7)
    assert check(operations(("fetch-add", 5, 7, 0, 5), ("swap", 1, 12, 10, 15)), model).outcome == "valid"
    assert check(operations(("fetch-add", 5, 0, 0, 5)), model).outcome == "invalid"


def test_a_pending_swap_may_have_happened() -> None:
    ops = operations(("swap", 4, None, 0, None), ("read", None, 4, 10, 15), ("read", None, None, 20, 25))
    assert check(ops[:2], "rmw-register").outcome == "valid"
    assert check(ops, "rmw-register").outcome == "invalid"
