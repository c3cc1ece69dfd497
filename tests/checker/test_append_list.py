"""The monitor of append lists: each violation is refuted with a small proof, the rest has a witness."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.monitors.append_list import decide
from checker.verify import verify
from tests.checker.author import Author
from tests.checker.fuzz import disagreement
from tests.checker.generate import AUTHORS, STYLES, history

Row = tuple[str, Any, int, int | None]


def appended(*rows: Row) -> History:
    """(f, what was appended or read, call, ret or None where pending)."""
    ops = []
    for i, (f, value, call, ret) in enumerate(rows):
        given, got = (value, None) if f == "append" else (None, value)
        status = "info" if ret is None else "ok"
        ops.append(Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, status))  # type: ignore[arg-type]
    return History.of(ops)


LATER: Row = ("append", 9, 90, 91)
REFUTED: list[tuple[str, str, list[int], tuple[Row, ...]]] = [
    (
        "phantom-value",
        "Phantom value: #1 read a list with 2",
        [1],
        (("append", 1, 0, 1), ("read", (1, 2), 2, 3)),
    ),
    (
        "duplicate-element",
        "Appended twice: #1 read a list that contains 1 twice",
        [0, 1],
        (("append", 1, 0, 1), ("read", (1, 1), 2, 3)),
    ),
    (
        "divergent-appends",
        "Divergent appends",
        [0, 1, 3, 4],
        (
            ("append", 1, 0, 9),
            ("append", 2, 0, 9),
            ("append", 3, 0, 9),
            ("read", (1,), 0, 9),
            ("read", (2, 3), 0, 9),
        ),
    ),
    ("lost-append", "Lost append: #0 appended 1", [0, 1], (("append", 1, 0, 1), ("read", None, 2, 3))),
    (
        "stale-read",
        "Stale read: #2 shows a shorter",
        [0, 1, 2],
        (("append", 1, 0, 9), ("read", (1,), 1, 2), ("read", (), 3, 4), LATER),
    ),
    (
        "read-before-written",
        "Read before written: #0 shows 1",
        [0, 1],
        (("read", (1,), 0, 1), ("append", 1, 2, 3), LATER),
    ),
    (
        "stale-read",
        "Stale read: #1 does not show 1, though #0 had appended it",
        [0, 1],
        (("append", 1, 0, 1), ("read", (), 2, 3), ("read", (1,), 4, 5), LATER),
    ),
    (
        "reordered-append",
        "Out of order: the list has 2 before 1, but #0 had appended 1",
        [0, 1, 2],
        (("append", 1, 0, 1), ("append", 2, 2, 3), ("read", (2, 1), 4, 5), LATER),
    ),
]


@pytest.mark.parametrize(("kind", "said", "needed", "rows"), REFUTED, ids=[said for _, said, _, _ in REFUTED])
def test_each_violation_is_refuted_with_a_small_proof(
    kind: str, said: str, needed: list[int], rows: tuple[Row, ...]
) -> None:
    whole = appended(*rows)
    verdict = check(whole, "append-list")
    assert (verdict.outcome, verdict.method) == ("invalid", "list order")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.kind == kind
    assert verdict.worst.explanation.sentence.startswith(said)
    assert [op.index for op in verdict.worst.counterexample] == needed
    assert verify(whole, find("append-list"), verdict) == []


def test_a_pending_append_that_nobody_read_is_no_part_of_the_list() -> None:
    rows: tuple[Row, ...] = (("append", 1, 0, None), ("append", 2, 0, 1), ("read", (2,), 2, 3))
    assert check(appended(*rows), "append-list").outcome == "valid"
    assert check(appended(*rows, ("read", (2, 1), 4, 5), ("read", (2,), 6, 7)), "append-list").outcome == "invalid"


def test_values_appended_twice_are_left_to_the_search() -> None:
    assert decide(appended(("append", 1, 0, 1), ("append", 1, 2, 3))) is None


@pytest.mark.slow
def test_brute_force_agrees_and_every_proof_holds() -> None:
    some = AUTHORS["append-list"]

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        """Mostly in order, so that the clock alone can contradict it."""
        if f != "read":
            return None
        return tuple(i for i in range(1, greatest + 1) if rng.random() < 0.8) if rng.random() < 0.8 else (2, 1)

    author = Author(some.invoke, some.initial, some.execute, lie)
    for number in range(1500):
        rng = Random(f"append list {number}")
        ops = history(author, rng, STYLES[number % len(STYLES)], rng.randint(1, 9))
        assert disagreement(find("append-list"), ops)[1] is None, ops
