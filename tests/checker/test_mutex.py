"""The monitor of locks: each violation is refuted with a small proof, the rest has a witness, brute force agrees."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.monitors.mutex import decide
from checker.verify import verify
from tests.checker.fuzz import disagreement
from tests.checker.generate import STYLES
from tests.checker.locks import lock_history

Row = tuple[str, Any, int, int | None]


def lock(*rows: Row) -> History:
    """(f, token that an acquire was given or a release names, call, ret or None where pending)."""
    ops = []
    for i, (f, token, call, ret) in enumerate(rows):
        given, got = (None, token) if f == "acquire" else (token, None)
        status = "info" if ret is None else "ok"
        ops.append(Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, status))  # type: ignore[arg-type]
    return History.of(ops)


REFUTED: list[tuple[str, tuple[Row, ...]]] = [
    ("held-twice", (("acquire", None, 0, 1), ("acquire", None, 2, 3), ("release", None, 4, 5))),
    ("held-twice", (("acquire", 1, 0, 1), ("acquire", 2, 2, 3), ("release", 2, 4, 5))),
    ("released-free", (("release", None, 0, 1), ("acquire", None, 2, 3))),
    ("released-free", (("acquire", 1, 0, 1), ("release", 2, 2, 3))),
    ("released-free", (("acquire", 1, 0, 1), ("release", 1, 2, 3), ("release", 1, 4, 5))),
    ("token-twice", (("acquire", 1, 0, 1), ("release", None, 2, 3), ("acquire", 1, 4, 5))),
    ("token-went-backwards", (("acquire", 2, 0, 1), ("release", None, 2, 3), ("acquire", 1, 4, 5))),
    ("token-went-backwards", (("acquire", 2, 0, 1), ("release", 2, 2, 3), ("acquire", 1, 4, 5), ("release", 1, 6, 7))),
]


@pytest.mark.parametrize(("kind", "rows"), REFUTED)
def test_each_violation_is_refuted_with_a_proof(kind: str, rows: tuple[Row, ...]) -> None:
    whole = lock(*rows)
    verdict = check(whole, "mutex")
    assert (verdict.outcome, verdict.method) == ("invalid", "turns")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.kind == kind
    assert verify(whole, find("mutex"), verdict) == []


def test_the_one_who_may_wait_gives_way_to_the_one_who_cannot() -> None:
    patient: Row = ("acquire", None, 0, 100)
    rows: tuple[Row, ...] = (patient, ("acquire", None, 5, 5), ("release", None, 50, 60), ("release", None, 70, 80))
    decision = decide(lock(*rows))
    assert decision is not None
    assert decision.outcome == "valid"


def test_a_pending_release_may_have_freed_the_lock_but_only_once() -> None:
    rows: tuple[Row, ...] = (("acquire", None, 0, 1), ("release", None, 2, None), ("acquire", None, 3, 4))
    assert check(lock(*rows), "mutex").outcome == "valid"
    assert check(lock(*rows, ("acquire", None, 5, 6)), "mutex").outcome == "invalid"


def test_where_some_releases_name_their_token_an_order_that_fits_the_names_is_enough() -> None:
    rows: tuple[Row, ...] = (("acquire", 1, 0, 1), ("release", 1, 2, 3), ("acquire", 2, 4, 5))
    decision = decide(lock(*rows, ("release", None, 6, 7)))
    assert decision is not None
    assert decision.outcome == "valid"


def test_true_is_no_token_and_false_is_no_lock() -> None:
    rows: tuple[Row, ...] = (("acquire", True, 0, 1), ("acquire", False, 2, 3), ("release", None, 4, 5))
    assert check(lock(*rows, ("acquire", True, 6, 7)), "mutex").outcome == "valid"


def test_the_proof_begins_where_the_lock_was_free_last() -> None:
    rows: list[Row] = []
    for turn in range(2000):
        rows += [("acquire", None, 10 * turn, 10 * turn + 25), ("release", None, 10 * turn + 26, 10 * turn + 27)]
    rows += [("acquire", None, 20_100, 20_101), ("acquire", None, 20_102, 20_103), ("release", None, 20_104, 20_105)]
    whole = lock(*sorted(rows, key=lambda row: row[2]))
    verdict = check(whole, "mutex")
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) <= 2
    assert verify(whole, find("mutex"), verdict) == []


def test_a_token_given_again_much_later_needs_only_the_two_holders() -> None:
    rows: list[Row] = []
    for turn in range(2000):
        token = 7 if turn == 1500 else turn
        rows += [("acquire", token, 10 * turn, 10 * turn + 1), ("release", token, 10 * turn + 2, 10 * turn + 3)]
    whole = lock(*rows)
    verdict = check(whole, "mutex")
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) <= 4
    assert verify(whole, find("mutex"), verdict) == []


def test_what_had_not_returned_by_the_end_of_a_proof_keeps_its_time() -> None:
    rows: tuple[Row, ...] = (("acquire", 1, 0, 12), ("acquire", 4, 15, 37), ("release", None, 17, 18))
    rows = (*rows, ("acquire", 2, 18, 22), ("acquire", 5, 28, 32), ("release", None, 30, 32), ("release", None, 35, 35))
    verdict = check(lock(*rows), "mutex")
    assert (verdict.outcome, verdict.method) == ("invalid", "turns")
    assert verify(lock(*rows), find("mutex"), verdict) == []


@pytest.mark.slow
def test_brute_force_agrees() -> None:
    model = find("mutex")
    for number in range(1500):
        rng = Random(f"lock {number}")
        ops = lock_history(rng, STYLES[number % len(STYLES)], rng.randint(1, 8))
        assert disagreement(model, ops)[1] is None, ops
