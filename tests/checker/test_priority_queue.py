"""The monitor of priority queues: each violation is refuted, the rest has a witness, and proofs hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checker.check import check
from checker.errors import HistoryError
from checker.formats import read
from checker.history import Operation
from checker.models import find
from checker.monitors.priority_queue import by_values
from checker.verify import verify
from tests.checker.containers import Row, container, long_history

REFUTED: list[tuple[str, tuple[Row, ...]]] = [
    ("phantom-value", (("delete-min", 1, 0, 1),)),
    ("duplicate-value", (("insert", 1, 0, 1), ("delete-min", 1, 2, 3), ("delete-min", 1, 4, 5))),
    ("wrongly-empty", (("insert", 1, 0, 1), ("delete-min", None, 2, 3))),
    ("not-the-smallest", (("insert", 1, 0, 1), ("insert", 2, 2, 3), ("delete-min", 2, 4, 5))),
    (  # 2 has to wait for 1, so 3 has to wait for 2 until it is too late
        "not-the-smallest",
        (
            ("insert", 1, 0, 1),
            ("insert", 2, 0, 1),
            ("insert", 3, 0, 1),
            ("delete-min", 2, 3, 20),
            ("delete-min", 3, 4, 9),
            ("delete-min", 1, 10, 11),
        ),
    ),
    (  # the same in either order
        "not-the-smallest",
        (
            ("insert", 3, 0, 1),
            ("insert", 2, 0, 1),
            ("insert", 1, 0, 1),
            ("delete-min", 2, 3, 20),
            ("delete-min", 3, 4, 9),
            ("delete-min", 1, 10, 11),
        ),
    ),
    (
        "wrongly-empty",
        (
            ("insert", 1, 0, 1),
            ("insert", 2, 0, 1),
            ("delete-min", 2, 3, 20),
            ("delete-min", None, 4, 9),
            ("delete-min", 1, 10, 11),
        ),
    ),
]


@pytest.mark.parametrize(("kind", "rows"), REFUTED)
def test_each_violation_is_refuted_with_a_proof(kind: str, rows: tuple[Row, ...]) -> None:
    whole = container("insert", *rows)
    verdict = check(whole, "priority-queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "values in and out")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.kind == kind
    assert verify(whole, find("priority-queue"), verdict) == []


def test_a_greater_value_may_leave_before_a_smaller_one_is_certainly_inside() -> None:
    rows: tuple[Row, ...] = (("insert", 2, 0, 1), ("insert", 1, 2, 9), ("delete-min", 2, 3, 4), ("delete-min", 1, 5, 6))
    decision = by_values(container("insert", *rows))
    assert decision is not None
    assert decision.outcome == "valid"


def test_a_pending_delete_may_have_taken_the_smaller_value_but_only_one() -> None:
    rows: tuple[Row, ...] = (("insert", 1, 0, 1), ("insert", 3, 2, 3), ("delete-min", None, 4, None))
    rows = (*rows, ("delete-min", 3, 5, 6))
    verdict = check(container("insert", *rows), "priority-queue")
    assert (verdict.outcome, verdict.method) == ("valid", "values in and out")
    whole = container("insert", *rows, ("insert", 2, 2, 3))
    verdict = check(whole, "priority-queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "values in and out")
    assert verify(whole, find("priority-queue"), verdict) == []


def test_values_without_an_order_are_left_to_the_search() -> None:
    assert by_values(container("insert", ("insert", 1, 0, 1), ("insert", "a", 2, 3))) is None


@pytest.mark.slow
@pytest.mark.parametrize("clients", [1, 4, 30])
def test_a_long_legal_history_has_a_witness_and_one_swap_is_found(clients: int) -> None:
    model = find("priority-queue")
    legal = long_history("insert", 3000, clients, seed=1)
    verdict = check(legal, "priority-queue")
    assert (verdict.outcome, verdict.method) == ("valid", "values in and out")
    assert verify(legal, model, verdict) == []
    swapped = long_history("insert", 3000, clients, seed=1, swap=True)
    verdict = check(swapped, "priority-queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "values in and out")
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) <= 6
    assert verify(swapped, model, verdict) == []


@pytest.mark.parametrize(
    ("values", "wrong"),
    [([1, "a"], 1), (["a", "b", 1.5], 2), ([1, True], 1), ([None, 1], 0), ([(1, "a"), (2, 3)], 1), ([float("nan")], 0)],
)
def test_priorities_that_cannot_be_compared_are_refused(values: list[Any], wrong: int) -> None:
    ops = [Operation(i, 0, "insert", None, value, None, 10 * i, 10 * i + 5) for i, value in enumerate(values)]
    with pytest.raises(HistoryError, match=f"operation #{wrong}: insert of .*: priorities must be comparable"):
        check(ops, "priority-queue")


def test_mixed_priorities_of_a_file_are_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    lines = [
        {"client": 0, "call": 2 * i, "return": 2 * i + 1, "op": "insert", "input": v} for i, v in enumerate([1, "a"])
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(HistoryError, match=r'h.jsonl:2: insert of "a" beside 1 \(#0\)'):
        read(path, model="priority-queue")


@pytest.mark.parametrize("values", [[2, 1.5], ["b", "a"], [(2, "x"), (1, "y")]])
def test_priorities_of_one_kind_are_judged(values: list[Any]) -> None:
    ops = [Operation(i, 0, "insert", None, value, None, 10 * i, 10 * i + 5) for i, value in enumerate(values)]
    taken = Operation(9, 0, "delete-min", None, None, values[1], 90, 95)
    assert check([*ops, taken], "priority-queue").outcome == "valid"
