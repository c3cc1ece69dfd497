"""Every kind of violation has its sentence, and the cycle it names is one."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from msgspec import structs

from checker.check import check
from checker.explain import duration, explain, show
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.models.register import leaves
from checker.monitors.register import decide
from checker.verdict import Explanation
from checker.verify import refute
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS
from tests.checker.generate import history as random_history
from tests.checker.register_histories import random_register

MS = 1_000_000


def history(*rows: tuple[Any, ...]) -> History:
    """Operations (call ms, return ms or None, f, input, output, process), numbered from 1 in order of call."""
    ops = []
    for i, (call, ret, f, given, got, *process) in enumerate(rows, start=1):
        end = ret * MS if ret is not None else PENDING
        op = Operation(i, process[0] if process else i, f, None, given, got, call * MS, end)
        ops.append(op if ret is not None else structs.replace(op, status="info"))
    return History.of(ops)


def explained(*rows: tuple[Any, ...]) -> Explanation:
    worst = check(history(*rows), "kv").worst
    assert worst is not None
    assert worst.explanation is not None
    return worst.explanation


def test_the_stale_read_of_the_report_is_told_as_there() -> None:
    explanation = explained(
        (0, 10, "write", 0, None),
        (2100, None, "write", 1, None),
        (2110, 2140, "read", None, 1),
        (2178, 2200, "read", None, 0),
    )
    assert explanation.kind == "stale-read"
    assert explanation.sentence == "Stale read: #4 returned 0, though #3 had already read 1 and finished."
    assert explanation.culprit == 4
    assert explanation.notes[4] == "must read 1: #3 ended 38 ms before #4 began"
    assert explanation.notes[2] == "outcome unknown; #3 proves that it happened"
    assert [(edge.before, edge.why, edge.after) for edge in explanation.cycle] == [
        (2, "read by", 3),
        (3, "real time", 4),
        (4, "read older than", 2),
    ]


@pytest.mark.parametrize(
    ("kind", "sentence", "rows"),
    [
        (
            "phantom-value",
            "Phantom value: #2 returned 7, but no operation wrote 7.",
            [(0, 1, "write", 1, None), (2, 3, "read", None, 7)],
        ),
        (
            "read-before-written",
            "Read before written: #2 returned 7 and ended before #3, the only write of 7, began.",
            [(-2, -1, "write", 1, None), (0, 1, "read", None, 7), (2, 3, "write", 7, None)],
        ),
        (
            "read-before-written",
            "Read before written: #2 returned 7 and ended before #3, the first write of 7, began.",
            [
                (-2, -1, "write", 1, None),
                (0, 1, "read", None, 7),
                (2, 3, "write", 7, None),
                (4, 5, "write", 7, None),
                (6, 7, "read", None, 7),
            ],
        ),
        (
            "initial-value",
            "Unknown initial value: #1 returned 7 before any write of 7 began, and the register is assumed to "
            "be empty initially. If it initially holds 7, check with --initial 7.",
            [(0, 1, "read", None, 7), (2, 3, "write", 7, None)],
        ),
        (
            "initial-value",
            "Unknown initial value: #1 replaced 7 by 8 before any write of 7 began, and the register is assumed to "
            "be empty initially. If it initially holds 7, check with --initial 7.",
            [(0, 1, "cas", (7, 8), True)],
        ),
        (
            "stale-read",
            "Stale read: #3 returned 7, though #2 had already deleted the value and finished.",
            [(0, 1, "cas", (None, 7), True), (2, 3, "delete", None, None), (4, 5, "read", None, 7)],
        ),
        (
            "stale-read",
            "Stale read: #4 returned 7, though #3 had already deleted the value and finished.",
            [
                (0, 1, "write", 5, None),
                (2, 3, "cas", (5, 7), True),
                (4, 5, "delete", None, None),
                (6, 7, "read", None, 7),
            ],
        ),
        (
            "lost-delete",
            "Lost delete: #2 deleted the value and was acknowledged, but #3, which began later, returned 7, and no "
            "operation ever "
            "read nothing.",
            [
                (0, 1, "write", 7, None),
                (2, 3, "delete", None, None),
                (4, 5, "read", None, 7),
                (6, 7, "read", None, 7),
            ],
        ),
        (
            "stale-read",
            "Stale read: #4 returned nothing, though #3 had already written 2 and finished.",
            [
                (0, 1, "write", 1, None),
                (2, 3, "delete", None, None),
                (4, 5, "write", 2, None),
                (6, 7, "read", None, None),
            ],
        ),
        (
            "read-before-written",
            "Read before written: #2 returned 3, a value that originates from #3, and ended before #3 began.",
            [(0, 9, "cas", (2, 3), True), (0, 1, "read", None, 3), (4, 8, "write", 2, None)],
        ),
        (
            "lost-write",
            "Lost write: #2 wrote 2 and was acknowledged, but #3, which began later, returned 1, and no operation ever "
            "read 2.",
            [
                (0, 1, "write", 1, None),
                (2, 3, "write", 2, None),
                (4, 5, "read", None, 1),
                (6, 7, "read", None, 1),
            ],
        ),
        (
            "non-monotonic-read",
            "Non-monotonic read: #4 returned 1, though the same process had already read 2 with #3.",
            [
                (0, 1, "write", 1, None, "a"),
                (2, 9, "write", 2, None, "b"),
                (3, 4, "read", None, 2, "c"),
                (5, 6, "read", None, 1, "c"),
            ],
        ),
        (
            "double-cas",
            "Double cas: #2 and #3 both replaced 1, which was written only once.",
            [(0, 1, "write", 1, None), (2, 5, "cas", (1, 2), True), (3, 4, "cas", (1, 3), True)],
        ),
        (
            "stale-cas",
            "Stale cas: #3 replaced 1 by 3, though #2 had already written 2 and finished.",
            [(0, 1, "write", 1, None), (2, 3, "write", 2, None), (4, 5, "cas", (1, 3), True)],
        ),
        (
            "rootless-cas",
            "Values from nowhere: each of the cas #1, #2 found what another of them wrote, and no other operation "
            "wrote any of these values.",
            [(0, 9, "cas", (1, 2), True), (0, 9, "cas", (2, 1), True)],
        ),
        (
            "stale-read",
            "Stale read: #4 returned 1, though #3 had already replaced 1 by 2 and finished.",
            [
                (0, 1, "write", 1, None),
                (0, 9, "read", None, 1),
                (2, 3, "cas", (1, 2), True),
                (4, 5, "read", None, 1),
                (6, 7, "read", None, 2),
            ],
        ),
    ],
)
def test_each_kind_of_violation_has_its_sentence(kind: str, sentence: str, rows: list[tuple[Any, ...]]) -> None:
    explanation = explained(*rows)
    assert (explanation.kind, explanation.sentence) == (kind, sentence)


def test_a_failed_write_is_named_when_its_value_was_read() -> None:
    whole = History.of(
        [
            Operation(1, 1, "write", None, 5, None, 0, 10, "fail"),
            Operation(2, 2, "read", None, None, 5, 20, 30),
        ]
    )
    worst = check(whole, "register").worst
    assert worst is not None
    explanation = worst.explanation
    assert explanation is not None
    assert explanation.kind == "failed-write-read"
    assert "#2 returned 5, though #1, which tried to write 5, had failed" in explanation.sentence


def test_a_refused_cas_whose_value_was_there_all_along_is_explained() -> None:
    whole = history((0, 1, "write", 1, None), (2, 3, "cas", (1, 2), False))
    assert explain(list(whole), whole).kind == "wrongly-refused-cas"


@pytest.mark.slow
def test_every_violation_gets_a_sentence_and_its_edges_form_a_cycle() -> None:
    kinds: dict[str, int] = {}
    for seed in range(2500):
        rng = Random(seed)
        part = History.of(random_register(rng, rng.choice((6, 8, 10)), unique=seed % 4 > 0))
        decision = decide(part)
        if decision is None or decision.outcome != "invalid":
            continue
        explanation = explain([part[row] for row in decision.counterexample], part)
        kinds[explanation.kind] = kinds.get(explanation.kind, 0) + 1
        inside = {int(part.index[row]) for row in decision.counterexample}
        for edge, following in zip(explanation.cycle, explanation.cycle[1:] + explanation.cycle[:1], strict=True):
            assert edge.after == following.before
            assert edge.before in inside
            if edge.why == "real time":
                assert part[edge.before].ret < part[edge.after].call
        assert explanation.culprit in inside
        assert f"#{explanation.culprit}" in explanation.sentence
    assert "no-order" not in kinds
    assert min(kinds.get(kind, 0) for kind in ("stale-read", "phantom-value", "read-before-written", "double-cas")) > 3


def test_spans_of_time_have_three_digits_and_a_unit() -> None:
    assert [duration(ns) for ns in (7, 1_500, 38 * MS, 1_251_000_000)] == ["7 ns", "1.5 µs", "38 ms", "1.25 s"]


def test_values_are_shown_as_json_and_cut_when_long() -> None:
    assert (show(None), show("a"), show((1, 2))) == ("nothing", '"a"', "[1, 2]")
    assert show("x" * 100).endswith("…")


def unpending(counterexample: list[Operation], culprit: int) -> None:
    (blamed,) = [op for op in counterexample if op.index == culprit]
    assert not blamed.pending
    assert blamed.status == "ok"
    assert blamed.f in ("read", "cas"), "writes and deletes return nothing that could be wrong"


def rooted(ops: list[Operation]) -> list[Operation]:
    """A cas from a value that none of the others leaves says only what it wrote: where that came from is not shown."""
    left = {None, *(leaves(op) for op in ops)}
    return [
        structs.replace(op, f="write", input=op.input[1], output=None)
        if op.f == "cas" and op.output is not False and op.input[0] not in left
        else op
        for op in ops
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["register", "cas-register", "kv"])
def test_without_the_operation_that_is_blamed_the_rest_has_an_order(name: str) -> None:
    model = find(name)
    blamed = 0
    for number in range(1500):
        rng = Random(f"blamed {name} {number}")
        ops = random_history(AUTHORS[name], rng, ("mutated", "arbitrary")[number % 2], rng.randint(2, 8))
        part = check(ops, model).worst
        if part is None or part.outcome != "invalid":
            continue
        explanation, kept = part.explanation, list(part.counterexample)
        assert explanation is not None
        if explanation.culprit is None:
            assert explanation.kind == "no-order"
            continue
        unpending(kept, explanation.culprit)
        _, said = refute([op for op in ops if op.status != "fail"], model, kept, 10_000)
        rest = [structs.replace(op, status="info") if op.ret == PENDING else op for op in said]
        rest = rooted([op for op in rest if op.index != explanation.culprit])
        assert linearizable(model, rest), (explanation.sentence, ops)
        for finished in re.findall(r"#(\d+) had already .*? and finished", explanation.sentence):
            assert ops[int(finished)].ret < ops[explanation.culprit].call
        blamed += 1
    assert blamed > 300


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [(0, 1, "write", 1, None), (2, None, "cas", (None, 3), None), (4, 5, "read", None, 3)],
            "Stale cas: #3 returned 3, so #2, whose outcome is unknown, replaced nothing by 3, though #1 had already "
            "written 1 and finished.",
        ),
        (
            [(0, 1, "write", 1, None), (2, None, "cas", (7, 3), None), (4, 5, "read", None, 3)],
            "Phantom value: #3 returned 3, so #2, whose outcome is unknown, replaced 7 by 3, but no operation wrote 7.",
        ),
        (
            [(0, None, "cas", (7, 3), None), (4, 5, "read", None, 3)],
            "Unknown initial value: #2 returned 3, so #1, whose outcome is unknown, replaced 7 by 3 before any write "
            "of 7 began, and the register is assumed to be empty initially. If it initially holds 7, check with "
            "--initial 7.",
        ),
    ],
)
def test_what_may_not_have_happened_is_not_blamed_but_what_shows_that_it_did(rows: list[Any], sentence: str) -> None:
    explanation = explained(*rows)
    assert explanation.sentence == sentence
    assert explanation.culprit == len(rows)


def test_the_value_to_read_is_only_named_where_no_other_write_may_have_come_in_between() -> None:
    rows = [(0, 1, "write", 1, None), (2, 3, "write", 2, None), (4, 5, "read", None, 1), (6, 7, "read", None, 1)]
    assert explained(*rows).notes[3] == "must read 2: #2 ended 1 ms before #3 began"
    explanation = explained(*rows, (2.5, 9, "write", 3, None))
    assert explanation.notes[explanation.culprit or 0].startswith("must no longer read 1")
