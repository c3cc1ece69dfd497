"""The monitor of strings that are appended to: encoded as a CAS register, and brute force agrees."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checker.budget import Budget
from checker.check import check
from checker.history import PENDING, History, Operation
from checker.model import Inconsistent, State
from checker.models import find
from checker.models.kv import AppendKeyValue
from checker.monitors.string_append import decide
from checker.verify import verify
from tests.checker.fuzz import disagreement
from tests.checker.generate import STYLES, history, strings

Row = tuple[str, Any, Any, int, int | None]

CHOICES = (
    ("read", "read", "append"),
    ("read", "read", "append", "append", "append", "write"),
    ("read", "read", "read", "append", "append", "write", "delete"),
    ("read", "read", "append", "write", "cas", "cas"),
)


def operations(*rows: Row) -> History:
    """(f, input, output, call, ret or None where pending)."""
    return History.of(
        Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, "info" if ret is None else "ok")
        for i, (f, given, got, call, ret) in enumerate(rows)
    )


def counterexample(*rows: Row) -> list[int]:
    """Indices of the counterexample of rows that have no order; its proof must hold."""
    whole = operations(*rows)
    verdict = check(whole, "kv-append")
    assert (verdict.outcome, verdict.method) == ("invalid", "zones")
    assert verify(whole, find("kv-append"), verdict) == []
    return [op.index for op in verdict.parts[0].counterexample]


@pytest.mark.slow
@pytest.mark.parametrize("fs", CHOICES, ids="-".join)
def test_brute_force_agrees_and_every_proof_holds(fs: tuple[str, ...]) -> None:
    author = strings(*fs)
    for number in range(600):
        rng = Random(f"strings {fs} {number}")
        ops = history(author, rng, STYLES[number % len(STYLES)], rng.randint(1, 9))
        assert disagreement(find("kv-append"), ops)[1] is None, ops


def test_many_pending_appends_cost_nothing() -> None:
    rows: list[Row] = [("append", f"({number})", None, 0, None) for number in range(300)]
    rows += [("write", "(w)", None, 1, 2), ("read", None, "(w)(7)", 3, 4), ("read", None, "(w)(7)(5)", 5, 6)]
    decision = decide(operations(*rows), Budget())
    assert decision is not None
    assert decision.outcome == "valid"


def test_a_finished_append_that_a_later_read_lacks_is_a_violation() -> None:
    assert counterexample(("append", "a", None, 0, 1), ("append", "b", None, 2, 3), ("read", None, "b", 4, 5))


def test_a_finished_append_before_an_overwriting_may_be_in_no_read() -> None:
    rows: list[Row] = [("append", "a", None, 0, 1), ("write", "b", None, 0, 3), ("read", None, "b", 4, 5)]
    assert check(operations(*rows), "kv-append").outcome == "valid"


def test_a_text_in_two_values_is_a_violation() -> None:
    rows: list[Row] = [("write", "a", None, 0, 9), ("write", "b", None, 0, 9), ("append", "c", None, 0, 9)]
    assert counterexample(*rows, ("read", None, "ac", 0, 9), ("read", None, "bc", 0, 9)) == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_many_appends_at_once_are_not_ordered_in_all_ways_for_the_sake_of_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = [0]
    step = AppendKeyValue.step

    def counted(model: AppendKeyValue, state: State, op: Operation) -> State | Inconsistent:
        steps[0] += 1
        return step(model, state, op)

    monkeypatch.setattr(AppendKeyValue, "step", counted)
    texts = [f"({number})" for number in range(20)]
    rows: list[Row] = [("append", text, None, 0, 9) for text in texts]
    rows += [("read", None, "".join(texts), 10, 11), ("read", None, "".join(texts[:-1]), 12, 13)]
    verdict = check(operations(*rows), "kv-append")
    assert (verdict.outcome, verdict.method) == ("invalid", "zones")
    assert steps[0] < 1_000_000


def test_a_pending_cas_whose_value_was_found_found_the_value_it_asked_for() -> None:
    rows: list[Row] = [
        ("cas", (None, "(a)"), None, 0, None),
        ("append", "(b)", None, 1, 2),
        ("read", None, "(a)(b)", 3, 4),
    ]
    decision = decide(operations(*rows), Budget())
    assert decision is not None
    assert decision.outcome == "valid"
    assert counterexample(rows[0], ("write", "(b)", None, 1, 2), ("read", None, "(a)", 3, 4)) == [0, 1, 2]


def test_what_empties_a_string_puts_in_no_text() -> None:
    rows: list[Row] = [("write", "(a)", None, 0, 1), ("delete", None, None, 2, 3), ("write", "", None, 4, 5)]
    decision = decide(operations(*rows, ("append", "(b)", None, 6, 7), ("append", "(c)", None, 6, 7)), Budget())
    assert decision is not None
    assert decision.outcome == "valid"


def test_a_text_that_nobody_appended_is_a_violation_alone() -> None:
    assert counterexample(("write", "a", None, 0, 1), ("read", None, "x", 2, 3)) == [1]


def test_texts_of_which_one_begins_another_are_left_to_the_search() -> None:
    rows: list[Row] = [("append", "a", None, 0, 1), ("append", "ab", None, 0, 1), ("read", None, "aba", 2, 3)]
    assert decide(operations(*rows), Budget()) is None
    assert check(operations(*rows), "kv-append").outcome == "valid"


APPEND_A: Row = ("append", "a", None, 0, 1)
APPEND_B: Row = ("append", "b", None, 2, 3)


@pytest.mark.parametrize(
    ("kind", "sentence", "rows"),
    [
        (
            "phantom-value",
            'Phantom value: #1 returned "ax", but no operation inserted "x".',
            [APPEND_A, ("read", None, "ax", 2, 3)],
        ),
        (
            "duplicate-append",
            'Appended twice: #1 returned "aa", which contains "a" twice; #0 inserted it once.',
            [APPEND_A, ("read", None, "aa", 2, 3)],
        ),
        (
            "read-before-written",
            'Read before written: #1 returned "ab" and ended before #2, which inserted "b", began.',
            [APPEND_A, ("read", None, "ab", 0, 1), APPEND_B],
        ),
        (
            "mixed-write",
            'Not overwritten: #2 returned "ab", in which "b" follows "a", but #1 replaced the whole value by "b".',
            [APPEND_A, ("write", "b", None, 2, 3), ("read", None, "ab", 4, 5)],
        ),
        (
            "lost-append",
            'Lost append: #1 appended "b" and was acknowledged, but #2, which began later, returned "a", and '
            "no operation ever read it.",
            [APPEND_A, APPEND_B, ("read", None, "a", 4, 5)],
        ),
        (
            "lost-append",
            'Lost append: #4 shows "c" without "b" before it, but #3 shows "b" before it, so it was already there when '
            '"c" was appended.',
            [
                APPEND_A,
                ("append", "b", None, 2, 9),
                ("append", "c", None, 2, 9),
                ("read", None, "abc", 3, 9),
                ("read", None, "ac", 3, 9),
            ],
        ),
        (
            "stale-read",
            'Stale read: #3 returned "a", though #2 had already read "ab" and finished.',
            [APPEND_A, ("append", "b", None, 2, 9), ("read", None, "ab", 4, 5), ("read", None, "a", 6, 7)],
        ),
        (
            "reordered-append",
            "Out of order: the value that #0 left came after the one that #1 left, but #0 had finished before #1 "
            "began.",
            [APPEND_A, APPEND_B, ("read", None, "ba", 4, 5)],
        ),
        (
            "reordered-append",
            'Out of order: #2 shows "a" before "b", #3 shows them the other way round.',
            [
                ("append", "a", None, 0, 9),
                ("append", "b", None, 0, 9),
                ("read", None, "abc", 0, 9),
                ("read", None, "bac", 0, 9),
                ("append", "c", None, 0, 9),
            ],
        ),
        (
            "divergent-appends",
            'Divergent appends: #3 shows "b" and not "c", #4 shows "c" and not "b": neither continues the other.',
            [
                APPEND_A,
                ("append", "b", None, 0, 9),
                ("append", "c", None, 0, 9),
                ("read", None, "ab", 2, 9),
                ("read", None, "ac", 2, 9),
            ],
        ),
    ],
)
def test_each_kind_of_violation_has_its_sentence(kind: str, sentence: str, rows: list[Row]) -> None:
    worst = check(operations(*rows), "kv-append").worst
    assert worst is not None
    assert worst.explanation is not None
    assert (worst.explanation.kind, worst.explanation.sentence) == (kind, sentence)


def test_text_of_a_failed_append_is_named() -> None:
    failed = Operation(0, 0, "append", None, "a", None, 0, 1, "fail")
    read = Operation(1, 1, "read", None, None, "a", 2, 3)
    worst = check([failed, read], "kv-append").worst
    assert worst is not None
    assert worst.explanation is not None
    assert worst.explanation.kind == "failed-write-read"


@pytest.mark.slow
def test_sentences_name_operations_of_the_proof_and_their_edges_form_a_cycle() -> None:
    author, found = strings(*CHOICES[1]), 0
    for number in range(900):
        rng = Random(f"told {number}")
        ops = history(author, rng, STYLES[number % len(STYLES)], rng.randint(3, 9))
        worst = check(ops, "kv-append").worst
        if worst is None or worst.outcome != "invalid" or worst.method == "search":
            continue
        explanation = worst.explanation
        assert explanation is not None
        assert explanation.kind != "no-order", ops
        found += 1
        inside = {op.index for op in worst.counterexample}
        assert explanation.culprit in inside
        for edge, following in zip(explanation.cycle, explanation.cycle[1:] + explanation.cycle[:1], strict=True):
            assert edge.after == following.before
            assert edge.before in inside
    assert found > 100
