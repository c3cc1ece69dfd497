"""A value whose failed insertion is visible is explained by that failure, with the number of the failed operation."""

from __future__ import annotations

from typing import Any

import pytest

from checker.check import check
from checker.history import History, Operation
from checker.models import find
from checker.properties import decider
from checker.verify import verify

Asked = tuple[str, Any, Any]


def explanation(model: str, put: Asked, take: Asked, *others: Asked, status: Any = "fail") -> tuple[str, str]:
    """Kind and sentence, where `put` (#0) ended like this before all others (#1 is `take`)."""
    rows = [(*put, status), *((*one, "ok") for one in (take, *others))]
    history = History.of(
        Operation(i, i, f, None, given, output, 10 * i, 10 * i + 5, how)
        for i, (f, given, output, how) in enumerate(rows)
    )
    verdict = check(history, model)
    assert verdict.outcome == "invalid"
    assert verify(history, find(model), verdict) == []
    explanation = verdict.parts[0].explanation
    assert explanation is not None
    assert explanation.culprit == 1
    return explanation.kind, explanation.sentence


CASES: list[tuple[str, Asked, Asked, str]] = [
    ("set", ("add", 7, None), ("contains", 7, True), "found"),
    ("set", ("add", 7, None), ("read", None, (5, 7)), "showed"),
    ("append-list", ("append", 7, None), ("read", None, (5, 7)), "showed"),
    ("log", ("append", 7, None), ("read", 3, 7), "showed"),
    ("queue", ("enqueue", 7, None), ("dequeue", None, 7), "took"),
    ("stack", ("push", 7, None), ("pop", None, 7), "took"),
    ("priority-queue", ("insert", 7, None), ("delete-min", None, 7), "took"),
]


@pytest.mark.parametrize(("model", "put", "take", "did"), CASES, ids=str)
def test_the_failed_operation_is_named(model: str, put: Asked, take: Asked, did: str) -> None:
    sentence = f"Value of a failed {put[0]}: #1 {did} 7, though #0, which tried to {put[0]} 7, had failed and so never"
    assert explanation(model, put, take) == ("failed-write-read", f"{sentence} happened.")


def test_a_set_with_removes_names_it_too() -> None:
    kind, sentence = explanation("set", ("add", 7, None), ("contains", 7, True), ("add", 1, None), ("remove", 1, None))
    assert kind == "failed-write-read"
    assert "#0, which tried to add 7, had failed" in sentence


def test_a_failed_operation_with_another_value_is_not_blamed() -> None:
    for other in (8, True, "7"):
        kind, sentence = explanation("set", ("add", other, None), ("contains", 7, True))
        assert (kind, sentence) == ("phantom-value", "Phantom value: #1 found 7, which no operation added.")


@pytest.mark.parametrize(
    ("name", "send", "read"),
    [
        ("g-set", ("add", 7, None), ("read", None, (7,))),
        ("broadcast", ("broadcast", 7, None), ("read", None, (7,))),
        ("kafka", ("send", 7, None), ("poll", {"k": 0}, {"k": [[0, 7]]})),
    ],
)
def test_properties_name_it_too(name: str, send: Asked, read: Asked) -> None:
    key = "k" if name == "kafka" else None
    history = History.of(
        [
            Operation(0, 0, send[0], key, send[1], None, 0, 5, "fail"),
            Operation(1, 1, read[0], None, read[1], read[2], 10, 15),
        ]
    )
    decision = decider(name)(history)
    assert decision.explanation is not None
    assert "though #0, which tried to send it, had failed and so never happened" in decision.explanation.sentence
