"""The monitor of logs: places are proved by those who showed them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from msgspec import structs

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.monitors.log import decide
from checker.verify import verify
from tests.checker.fuzz import disagreement
from tests.checker.generate import AUTHORS, STYLES, history

Row = tuple[str, Any, Any, int, int | None]


def log(*rows: Row) -> History:
    """(f, input, output, call, ret or None where pending)."""
    return History.of(
        Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, "info" if ret is None else "ok")
        for i, (f, given, got, call, ret) in enumerate(rows)
    )


REFUTED: list[tuple[str, list[int], tuple[Row, ...]]] = [
    ("phantom-value", [1], (("append", 7, 0, 0, 1), ("read", 0, 8, 2, 3))),
    ("conflicting-offset", [0, 1], (("append", 7, 0, 0, 1), ("append", 8, 0, 2, 3))),
    (
        "moved-record",
        [0, 2],
        (("append", 7, 0, 0, 1), ("append", 8, 1, 0, 1), ("read", 2, 7, 2, 3)),
    ),
    ("reordered-append", [0, 1], (("append", 7, 1, 0, 1), ("append", 8, 0, 2, 3), ("append", 9, 2, 4, 5))),
    ("lost-append", [0, 1], (("append", 7, 0, 0, 1), ("read", 0, None, 2, 3), ("append", 9, 1, 0, 1))),
    (
        "stale-read",
        [0, 1, 2],
        (("append", 7, 0, 0, 9), ("read", 0, 7, 1, 2), ("read", 0, None, 3, 4), ("append", 9, 1, 8, 9)),
    ),
    ("read-before-written", [0, 1], (("read", 0, 7, 0, 1), ("append", 7, 0, 2, 3), ("append", 9, 1, 4, 5))),
]


@pytest.mark.parametrize(("kind", "needed", "rows"), REFUTED, ids=[kind for kind, _, _ in REFUTED])
def test_each_violation_is_refuted_with_a_small_proof(kind: str, needed: list[int], rows: tuple[Row, ...]) -> None:
    whole = log(*rows)
    verdict = check(whole, "log")
    assert (verdict.outcome, verdict.method) == ("invalid", "offsets")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.kind == kind
    assert [op.index for op in verdict.worst.counterexample] == needed
    assert verify(whole, find("log"), verdict) == []


def test_a_gap_is_filled_by_the_pending_append_that_was_called_first() -> None:
    rows: tuple[Row, ...] = (("append", 8, None, 5, None), ("append", 7, None, 0, None), ("append", 9, 1, 3, 4))
    decision = decide(log(*rows))
    assert decision is not None
    assert decision.outcome == "valid"
    assert decide(log(("append", 8, None, 5, None), ("append", 9, 2, 3, 4))) is None


@pytest.mark.parametrize(
    "row",
    [
        ("read", -1, None, 0, 1),
        ("read", -1, 7, 0, 1),
        ("read", "x", None, 0, 1),
        ("append", 8, True, 0, 1),
        ("append", 8, 1.0, 0, 1),
        ("append", 7, 1, 0, 1),
    ],
    ids=str,
)
def test_what_has_no_place_in_a_log_is_left_to_the_search(row: Row) -> None:
    assert decide(log(("append", 7, 0, 0, 1), row)) is None


def test_a_value_before_the_beginning_of_a_log_is_a_violation() -> None:
    verdict = check(log(("append", 7, 0, 0, 1), ("read", -1, 7, 2, 3)), "log")
    assert (verdict.outcome, verdict.method) == ("invalid", "search")


def test_a_place_that_only_a_read_shows_is_proved_by_that_read() -> None:
    whole = History.of(
        [
            Operation(0, 0, "append", None, 4, 0, 1, 2, "ok"),
            Operation(1, 1, "append", None, 6, None, 1, PENDING, "info"),
            Operation(2, 2, "append", None, 3, 2, 2, 2, "ok"),
            Operation(3, 3, "append", None, 5, None, 3, PENDING, "info"),
            Operation(4, 4, "read", None, 1, 5, 8, 10, "ok"),
        ]
    )
    verdict = check(whole, "log")
    assert (verdict.outcome, verdict.method) == ("invalid", "offsets")
    assert 4 in [op.index for op in verdict.parts[0].counterexample]
    assert verify(whole, find("log"), verdict) == []


@pytest.mark.slow
def test_brute_force_agrees_on_longer_logs_and_every_proof_holds() -> None:
    for number in range(1200):
        rng = Random(f"deep log {number}")
        ops = history(AUTHORS["log"], rng, STYLES[number % len(STYLES)], rng.randint(8, 10))
        assert disagreement(find("log"), ops)[1] is None, ops


def test_the_read_is_blamed_and_not_the_append_that_it_contradicts() -> None:
    ops = [
        Operation(0, 0, "append", None, 7, 0, 0, 1),
        Operation(1, 1, "append", None, 8, 1, 2, 3),
        Operation(2, 2, "read", None, 0, 8, 4, 5),
    ]
    for order in (ops, [structs.replace(op, index=2 - op.index) for op in reversed(ops)]):
        part = check(History.of(order), "log").worst
        assert part is not None
        assert part.explanation is not None
        assert part.explanation.kind in ("moved-record", "conflicting-offset")
        assert [op.f for op in order if op.index == part.explanation.culprit] == ["read"]


def test_a_phantom_beside_an_append_without_an_offset_is_proved() -> None:
    whole = History.of([Operation(0, 1, "read", "z", 4, 76, 0, 11), Operation(1, 2, "append", "z", 38, None, 5, 17)])
    verdict = check(whole, "log")
    assert verdict.outcome == "invalid"
    assert verify(whole, find("log"), verdict) == []
