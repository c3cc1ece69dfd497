"""The monitor of queues: each pattern is refuted, the rest has a witness, and brute force agrees."""

from __future__ import annotations

from random import Random

import pytest

from checker.check import check
from checker.history import History
from checker.models import find
from checker.monitors.queue import by_values
from checker.verify import verify
from tests.checker.containers import Row, container, long_history
from tests.checker.fuzz import disagreement
from tests.checker.generate import AUTHORS, STYLES, history


def queue(*rows: Row) -> History:
    return container("enqueue", *rows)


REFUTED: list[tuple[str, tuple[Row, ...]]] = [
    ("phantom-value", (("dequeue", 1, 0, 1),)),
    ("duplicate-value", (("enqueue", 1, 0, 1), ("dequeue", 1, 2, 3), ("dequeue", 1, 4, 5))),
    ("value-from-the-future", (("dequeue", 1, 0, 1), ("enqueue", 1, 2, 3))),
    ("out-of-order", (("enqueue", 1, 0, 1), ("enqueue", 2, 2, 3), ("dequeue", 2, 4, 5))),
    (
        "out-of-order",
        (("enqueue", 1, 0, 1), ("enqueue", 2, 2, 3), ("dequeue", 2, 4, 5), ("dequeue", 1, 6, 7)),
    ),
    (
        "wrongly-empty",
        (
            ("enqueue", 1, 0, 1),
            ("dequeue", None, 2, 8),
            ("enqueue", 2, 3, 4),
            ("dequeue", 1, 5, 6),
            ("dequeue", 2, 9, 9),
        ),
    ),
]


@pytest.mark.parametrize(("kind", "rows"), REFUTED)
def test_each_pattern_is_refuted_with_a_proof(kind: str, rows: tuple[Row, ...]) -> None:
    whole = queue(*rows)
    verdict = check(whole, "queue")
    assert verdict.outcome == "invalid"
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.kind == kind
    assert verify(whole, find("queue"), verdict) == []


def test_enqueues_that_only_touch_may_stand_in_either_order() -> None:
    rows: tuple[Row, ...] = (("enqueue", 1, 0, 2), ("enqueue", 2, 2, 3), ("dequeue", 2, 4, 5), ("dequeue", 1, 6, 7))
    decision = by_values(queue(*rows))
    assert decision is not None
    assert decision.outcome == "valid"


def test_the_one_that_was_overtaken_had_certainly_been_there_first() -> None:
    rows: tuple[Row, ...] = (("enqueue", 1, 0, 1), ("enqueue", 2, 2, 6), ("enqueue", 3, 3, 4))
    whole = queue(*rows, ("dequeue", 2, 7, 8), ("dequeue", 1, 9, 10), ("dequeue", 3, 11, 12))
    verdict = check(whole, "queue")
    assert verdict.worst is not None
    assert [op.index for op in verdict.worst.counterexample] == [0, 1, 3, 4]
    assert verify(whole, find("queue"), verdict) == []


def test_an_empty_dequeue_fits_where_one_value_has_left_and_the_next_has_not_come() -> None:
    rows: tuple[Row, ...] = (
        ("enqueue", 1, 0, 1),
        ("dequeue", None, 2, 8),
        ("enqueue", 2, 3, 7),
        ("dequeue", 1, 4, 6),
        ("dequeue", 2, 9, 9),
    )
    decision = by_values(queue(*rows))
    assert decision is not None
    assert decision.outcome == "valid"


def test_a_pending_dequeue_may_have_taken_the_value_that_is_missing() -> None:
    rows: tuple[Row, ...] = (("enqueue", 1, 0, 1), ("enqueue", 2, 2, 3), ("dequeue", None, 4, None))
    assert check(queue(*rows, ("dequeue", 2, 5, 6)), "queue").outcome == "valid"
    assert check(queue(*rows, ("dequeue", 2, 5, 6), ("dequeue", 1, 7, 8)), "queue").outcome == "invalid"


def test_more_values_missing_than_pending_dequeues_are_refuted_however_long_the_history() -> None:
    rows: list[Row] = []
    for value in range(400):
        rows += [("enqueue", value, 4 * value, 4 * value + 1)]
        taken: Row = ("dequeue", value, 4 * value + 2, 4 * value + 3)
        rows += [("dequeue", None, 4 * value + 2, None) if value in (100, 300) else taken]
    valid = check(queue(*rows), "queue")
    assert (valid.outcome, valid.method) == ("valid", "values in and out")
    assert verify(queue(*rows), find("queue"), valid) == []
    whole = queue(*(row for row in rows if row[:2] != ("dequeue", 350)))
    verdict = check(whole, "queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "values in and out")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.kind == "lost-value"
    assert len(verdict.worst.counterexample) <= 11
    assert verify(whole, find("queue"), verdict) == []


def test_a_pending_dequeue_that_came_too_late_has_taken_nothing() -> None:
    rows: list[Row] = [("dequeue", None, 0, None), ("enqueue", 1, 0, 1), ("enqueue", 3, 0, 1), ("enqueue", 2, 2, 3)]
    rows += [("dequeue", 2, 4, 5), ("dequeue", None, 7, None)]
    verdict = check(queue(*rows), "queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "values in and out")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.sentence == (
        "Missing values: 1, 3 must have been taken when #4 returned, no operation is known to have taken any of them, "
        "and "
        "only 1 pending take had been called by then."
    )
    assert [op.index for op in verdict.worst.counterexample] == [0, 1, 2, 3, 4]
    assert verify(queue(*rows), find("queue"), verdict) == []
    in_time = queue(*rows[:-1], ("dequeue", None, 5, None))
    assert check(in_time, "queue").outcome == "valid"


def test_a_pending_dequeue_may_empty_the_queue_while_another_is_finding_nothing() -> None:
    rows: tuple[Row, ...] = (("enqueue", 1, 0, 1), ("dequeue", None, 2, 9))
    verdict = check(queue(*rows, ("dequeue", None, 5, None)), "queue")
    assert (verdict.outcome, verdict.method) == ("valid", "values in and out")
    assert check(queue(*rows, ("dequeue", None, 10, None)), "queue").outcome == "invalid"


def test_a_guess_that_leaves_no_instant_for_an_empty_dequeue_is_no_witness() -> None:
    """The first pending dequeue is needed for 1, the second comes for 2 only when 3 is inside already."""
    rows: list[Row] = [("enqueue", 1, 0, 2), ("dequeue", None, 2, None), ("dequeue", None, 3, 6), ("enqueue", 2, 6, 7)]
    rows += [("dequeue", None, 8, 16), ("enqueue", 3, 10, 12), ("dequeue", None, 14, None), ("dequeue", 3, 18, 20)]
    whole = container("enqueue", *rows)
    assert by_values(whole) is None
    assert check(whole, "queue").outcome == "invalid"


def test_pending_dequeues_do_not_burden_a_proof_that_has_nothing_to_do_with_them() -> None:
    rows: list[Row] = [("enqueue", 1, 10, 11), ("enqueue", 2, 12, 13), ("dequeue", 2, 14, 15), ("dequeue", 1, 16, 17)]
    whole = queue(*(("dequeue", None, call, None) for call in range(50)), *rows)
    verdict = check(whole, "queue")
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) == 4
    assert verify(whole, find("queue"), verdict) == []


@pytest.mark.parametrize("clients", [1, 30])
def test_a_long_legal_history_has_a_witness(clients: int) -> None:
    legal = long_history("enqueue", 3000, clients, seed=1)
    verdict = check(legal, "queue")
    assert (verdict.outcome, verdict.method) == ("valid", "values in and out")
    assert verify(legal, find("queue"), verdict) == []


def test_values_enqueued_twice_are_left_to_the_search() -> None:
    assert by_values(queue(("enqueue", 1, 0, 1), ("enqueue", 1, 2, 3))) is None


def test_thousands_of_operations_at_once_are_decided() -> None:
    rows: list[Row] = [("enqueue", value, 0, 1) for value in range(1, 5001)]
    rows += [("dequeue", value, 2, 3) for value in range(5000, 0, -1)]
    decision = by_values(queue(*rows))
    assert decision is not None
    assert decision.outcome == "valid"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["queue", "stack", "priority-queue"])
def test_brute_force_agrees(name: str) -> None:
    for number in range(400):
        rng = Random(f"{name} {number}")
        ops = history(AUTHORS[name], rng, STYLES[number % len(STYLES)], rng.randint(1, 8))
        assert disagreement(find(name), ops)[1] is None, ops
