"""The monitor of sets: elements are judged apart, and brute force agrees."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from checker.budget import Budget
from checker.check import check
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.monitors import sets
from checker.monitors.sets import decide
from checker.verify import verify
from tests.checker.authors import added_once
from tests.checker.fuzz import agreed, disagreement
from tests.checker.generate import AUTHORS, STYLES, history
from tests.checker.spans import spans

pytestmark = pytest.mark.slow

Row = tuple[str, Any, Any, int, int | None]


def operations(*rows: Row) -> History:
    """(f, input, output, call, ret or None where pending)."""
    return History.of(
        Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, "info" if ret is None else "ok")
        for i, (f, given, got, call, ret) in enumerate(rows)
    )


def test_a_finished_add_that_contains_does_not_see_is_a_violation_of_two_operations() -> None:
    whole = operations(("add", 1, None, 0, 1), ("add", 2, None, 0, 1), ("contains", 1, False, 2, 3))
    verdict = check(whole, "set")
    assert verdict.outcome == "invalid"
    assert [op.index for op in verdict.parts[0].counterexample] == [0, 2]
    assert verify(whole, find("set"), verdict) == []


def test_a_read_of_all_that_lacks_a_finished_add_is_a_violation_of_two_operations() -> None:
    whole = operations(("add", 1, None, 0, 1), ("add", 2, None, 0, 1), ("read", None, (2,), 2, 3))
    verdict = check(whole, "set")
    assert verdict.outcome == "invalid"
    assert [op.index for op in verdict.parts[0].counterexample] == [0, 2]
    assert verify(whole, find("set"), verdict) == []


def test_a_read_of_an_element_that_nobody_added_is_a_violation_alone() -> None:
    whole = operations(("add", 1, None, 0, 1), ("read", None, (1, 7), 2, 3))
    verdict = check(whole, "set")
    assert [op.index for op in verdict.parts[0].counterexample] == [1]
    assert verify(whole, find("set"), verdict) == []


def test_reads_that_fit_each_element_but_not_each_other_are_a_violation() -> None:
    rows: list[Row] = [("add", 1, None, 0, 9), ("add", 2, None, 0, 9), ("add", 3, None, 0, 9)]
    rows += [("read", None, (1, 3), 1, 2), ("read", None, (2, 3), 1, 2)]
    verdict = check(operations(*rows), "set")
    assert (verdict.outcome, verdict.method) == ("invalid", "inclusion")
    assert sorted(op.index for op in verdict.parts[0].counterexample) == [0, 1, 3, 4]
    assert verify(operations(*rows), find("set"), verdict) == []


EXPLAINED: list[tuple[str, str, list[int], list[Row]]] = [
    (
        "read-before-written",
        "Found before added: #0 shows 1 and had finished before #1 began to add it.",
        [0, 1],
        [("read", None, (1,), 0, 1), ("add", 1, None, 2, 3)],
    ),
    (
        "reordered-add",
        "Out of order: #0 had finished before #1 began, but the reads show #1 first.",
        [0, 1, 2],
        [("add", 1, None, 0, 1), ("add", 2, None, 2, 3), ("read", None, (2,), 0, 9), ("read", None, (1, 2), 0, 9)],
    ),
    (
        "lost-add",
        "Lost add: #1 does not show 1, though #0 had added it and finished before.",
        [0, 1],
        [("add", 1, None, 0, 1), ("contains", 1, False, 2, 3)],
    ),
    (
        "stale-read",
        "Stale read: #2 does not show 1, though #1 had shown it and finished before.",
        [0, 1, 2],
        [("add", 1, None, 0, 9), ("contains", 1, True, 2, 3), ("read", None, (), 4, 5)],
    ),
]


@pytest.mark.parametrize(("kind", "sentence", "needed", "rows"), EXPLAINED, ids=[kind for kind, *_ in EXPLAINED])
def test_each_way_in_which_a_growing_set_fails_has_its_sentence(
    kind: str, sentence: str, needed: list[int], rows: list[Row]
) -> None:
    verdict = check(operations(*rows), "set")
    assert (verdict.outcome, verdict.method) == ("invalid", "inclusion")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert (verdict.worst.explanation.kind, verdict.worst.explanation.sentence) == (kind, sentence)
    assert sorted(op.index for op in verdict.worst.counterexample) == needed
    assert verify(operations(*rows), find("set"), verdict) == []


def test_pending_adds_and_reads_of_all_do_not_multiply() -> None:
    rows: list[Row] = [("add", element, None, 0, None) for element in range(300)]
    rows += [("read", None, tuple(range(0, shown, 3)), shown, shown + 1) for shown in range(1, 300, 10)]
    decision = decide(operations(*rows), Budget())
    assert decision is not None
    assert decision.outcome == "valid"
    rows.append(("read", None, (0,), 999, 1000))
    verdict = check(operations(*rows), "set")
    assert verdict.outcome == "invalid"
    assert len(verdict.parts[0].counterexample) == 3
    assert verify(operations(*rows), find("set"), verdict) == []


@pytest.mark.slow
def test_brute_force_agrees_on_sets_that_only_grow_and_every_proof_holds() -> None:
    decided = agreed("set", added_once("add", "add", "add", "contains", "read", "read"), 1500, "growing set")
    assert decided["valid by inclusion"] > 500
    assert decided["invalid by inclusion"] > 200


def test_pending_adds_of_many_elements_do_not_multiply() -> None:
    rows: list[Row] = [("add", element, None, 0, None) for element in range(200)]
    rows += [("contains", element, element % 2 == 0, 1, 2) for element in range(200)]
    decision = decide(operations(*rows), Budget())
    assert decision is not None
    assert decision.outcome == "valid"


def test_brute_force_agrees() -> None:
    for number in range(600):
        rng = Random(f"set {number}")
        ops = history(AUTHORS["set"], rng, STYLES[number % len(STYLES)], rng.randint(1, 8))
        assert disagreement(find("set"), ops)[1] is None, ops


@pytest.mark.slow
def test_brute_force_agrees_on_elements_added_once_and_removed_and_every_proof_holds() -> None:
    author = added_once("add", "add", "remove", "contains", "read")
    decided = agreed("set", author, 1500, "lives")
    assert decided["valid by elements"] > 500
    assert decided["invalid by elements"] > 150


def counterexample(kind: str, *rows: Row) -> list[int]:
    """Indices of the counterexample of rows that have no order, which is of that kind; its proof must hold."""
    whole = operations(*rows)
    verdict = check(whole, "set")
    assert (verdict.outcome, verdict.method) == ("invalid", "elements")
    assert verify(whole, find("set"), verdict) == []
    (part,) = verdict.parts
    assert part.explanation is not None
    assert part.explanation.kind == kind
    return [op.index for op in part.counterexample]


ELSEWHERE: Row = ("remove", 9, None, 0, None)
"""Makes a history one of sets that do not only grow."""


def test_each_kind_of_violation_is_named_and_proved_by_a_few_operations() -> None:
    add: Row = ("add", 1, None, 2, 3)
    removed: Row = ("remove", 1, None, 0, 1)
    assert counterexample("phantom-value", ELSEWHERE, ("contains", 1, True, 0, 1)) == [1]
    assert counterexample("read-before-written", ("contains", 1, True, 0, 1), ELSEWHERE, add) == [0, 2]
    assert counterexample("lost-add", removed, add, ("read", None, (), 4, 5), ("remove", 1, None, 6, 7)) == [1, 2]
    found: Row = ("contains", 1, True, 2, 3)
    late: list[Row] = [("add", 1, None, 0, None), found, removed, ("contains", 1, False, 4, 5)]
    assert counterexample("stale-read", *late) == [0, 1, 3]
    assert counterexample("lost-remove", add, ("remove", 1, None, 4, 5), ("contains", 1, True, 6, 7)) == [0, 1, 2]
    assert counterexample(
        "resurrected-element", ELSEWHERE, add, ("contains", 1, False, 4, 5), ("contains", 1, True, 6, 7)
    )


def test_a_remove_that_was_under_way_may_be_the_one_even_if_its_end_was_never_seen() -> None:
    rows: list[Row] = [("add", 1, None, 0, 1), ("remove", 1, None, 2, None), ("contains", 1, True, 3, 4)]
    assert check(operations(*rows, ("contains", 1, False, 5, 6)), "set").outcome == "valid"
    rows += [("contains", 1, False, 5, 6), ("contains", 1, True, 7, 8)]
    assert counterexample("resurrected-element", *rows) == [0, 3, 4]


@pytest.mark.parametrize("removed_by", [2, 5])
def test_an_element_may_come_and_go_at_one_moment(removed_by: int) -> None:
    rows: list[Row] = [("add", 1, None, 0, 9), ("contains", 1, True, 2, 9), ("remove", 1, None, 0, removed_by)]
    absent: list[Row] = [("contains", 1, False, at, at + 1) for at in range(-2, 12, 2)]
    verdict = check(operations(*rows, *absent), "set")
    assert (verdict.outcome, verdict.method) == ("valid", "elements")


def test_a_dropped_remove_may_not_be_taken_on_trust() -> None:
    """Without the remove the two operations have no order, but the history has one."""
    rows: list[Row] = [("add", 1, None, 0, 1), ("remove", 1, None, 2, 3), ("contains", 1, False, 4, 5)]
    whole = operations(*rows)
    verdict = check(whole, "set")
    assert verdict.outcome == "valid"
    part = replace(verdict.parts[0], outcome="invalid", counterexample=(whole[0], whole[2]))
    assert verify(whole, find("set"), replace(verdict, outcome="invalid", parts=(part,))) != []


def long_lives(size: int, stale: bool, reads: int) -> History:
    """Elements that come and go one after another, five clients; one late `contains` does not find what is there."""
    rng, rows = Random(1), list[Row]()
    for number in range(size // 4):
        at = 40 * number
        instants = [at + 10 * step + rng.randint(0, 9) for step in range(4)]
        there = stale and number == size // 5
        answers = ("add", None), ("contains", not there), ("remove", None), ("contains", False)
        for instant, (f, answer) in zip(instants, answers, strict=True):
            rows.append((f, number, answer, 2 * instant, 2 * instant + rng.randint(1, 19)))
    for number in range(reads):
        rows.append(("read", None, (), 80 * number - 1, 80 * number - 1))
    return operations(*sorted(rows, key=lambda row: row[3]))


def test_many_elements_that_come_and_go_take_no_search_and_a_late_fault_two_operations() -> None:
    valid = check(long_lives(20_000, stale=False, reads=20), "set")
    assert (valid.outcome, valid.method) == ("valid", "elements")
    history = long_lives(20_000, stale=True, reads=0)
    invalid = check(history, "set")
    assert (invalid.outcome, invalid.method) == ("invalid", "elements")
    assert len(invalid.parts[0].counterexample) == 2
    assert verify(history, find("set"), invalid) == []


def test_an_element_added_again_and_again_is_refuted_by_what_began_anew() -> None:
    rows: list[Row] = []
    for at in range(0, 6000, 6):
        rows += [
            ("add", 1, None, at, at + 1),
            ("contains", 1, True, at + 2, at + 3),
            ("remove", 1, None, at + 4, at + 5),
        ]
    rows.append(("contains", 1, True, 6001, 6002))
    assert len(counterexample("no-order", *rows)) == 2


def crowd(elements: int, writers: int = 30) -> History:
    """Elements that several add and remove at once, and of which two finds contradict each other: a search of some
    100,000 steps each."""
    rows: list[Row] = []
    for x in range(elements):
        rows += [("remove" if n % 2 else "add", x, None, n, 100 + n) for n in range(writers)]
        rows += [("contains", x, True, 200, 201), ("contains", x, False, 202, 203)]
    return operations(*rows)


def test_elements_that_several_add_obey_the_time_of_the_budget() -> None:
    decision = decide(crowd(elements=2), Budget(seconds=1e-9))
    assert decision is not None
    assert (decision.outcome, decision.bound) == ("unknown", "seconds")
    assert decision.reason == "out of time (1e-09 s): 0 of 2 elements that several operations add were judged"
    assert check(crowd(elements=2), "set", budget=Budget(seconds=1e-9)).outcome == "unknown"
    verdict = check(crowd(elements=2), "set", budget=Budget(seconds=60))
    assert (verdict.outcome, verdict.method) == ("invalid", "elements")


def test_elements_that_several_add_get_no_more_steps_than_the_search() -> None:
    verdict = check(crowd(elements=2), "set", budget=Budget(steps=50))
    assert verdict.outcome == "unknown"
    assert verdict.worst is not None
    assert (verdict.worst.reason or "").startswith("out of steps (50)")


def read_as_a_whole(count: int, clients: int, seed: int = 1) -> list[Operation]:
    """A legal history of a set whose elements are added once, removed now and then, and read all together."""
    rng = Random(f"set {seed}")
    inside, ops, added = set[int](), list[Operation](), 0
    for client, call, ret in spans(rng, count, clients):
        f = rng.choices(("add", "remove", "read"), (45, 10, 45))[0] if added else "add"
        added += f == "add"
        given = {"add": added, "remove": rng.randint(1, added), "read": None}[f]
        inside = inside | {added} if f == "add" else inside - {given} if f == "remove" else inside
        output = tuple(sorted(inside)) if f == "read" else None
        ops.append(Operation(len(ops), client, f, None, given, output, call, ret))
    return ops


def test_many_clients_that_read_the_whole_set_need_few_steps() -> None:
    verdict = check(read_as_a_whole(400, 20, 2), "set", budget=Budget(steps=20_000))
    assert (verdict.outcome, verdict.method) == ("valid", "elements")


def test_what_is_certain_of_elements_takes_no_order_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no order of reads of the whole set were ever found at once: the search among the instants left decides."""
    monkeypatch.setattr(sets, "in_order", lambda *_: None)
    author = added_once("add", "add", "remove", "contains", "read", "read")
    decided = agreed("set", author, 2_500, "tightened")
    assert decided["valid by elements"] > 500
    assert decided["valid by search"] < 400
