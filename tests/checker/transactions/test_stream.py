"""Transactions judged while they come: nothing is accused that the whole history allows, and memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from checker.errors import HistoryError
from checker.history import History, Operation
from checker.streaming import Event
from checker.transactions import stream
from checker.transactions.judged import judge
from checker.transactions.stream import Transactions
from tests.checker.transactions.executions import execution

LEVELS = (
    "strict-serializable",
    "serializable",
    "strong-session-snapshot-isolation",
    "causal",
    "read-committed",
    "PL-2",
)


def events(ops: list[Operation]) -> Iterator[Event]:
    found = [(op.call, 0, Event("invoke", op.process, "txn", None, op.input, op.call)) for op in ops]
    for op in ops:
        if op.status != "info":
            found.append((op.ret, 1, Event(op.status, op.process, "txn", None, op.output, op.ret)))
        else:
            end = op.call + 1
            found.append((end, 1, Event("info", op.process, "txn", None, None, end)))
    yield from (event for _, _, event in sorted(found, key=lambda one: one[:2]))


@pytest.mark.slow
def test_what_is_refuted_on_the_way_is_refuted_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "GROWTH", 0.0)
    early, random = 0, Random(11)
    for number in range(120):
        monkeypatch.setattr(stream, "SIZE_MAX", random.choice((6, 12, 1000)))
        ops = execution(random, random.choice(("append", "w", "w", "add")), random.choice((4, 6, 9)))
        level = random.choice(LEVELS)
        model = {"append": "txn-list-append", "w": "txn-rw-register", "add": "txn-set"}[_writes(ops)]
        if model == "txn-set" and level == "strong-session-snapshot-isolation":
            continue
        whole = judge(History.of(ops), model, level).outcome
        following = Transactions(level)
        for event in events(ops):
            following.feed(event)
            if following.judge():
                early += 1
                break
        else:
            following.flush()
        ended = following.verdict()
        assert not following.violations or whole == "invalid", (number, level)
        if not following.forgotten and following.gave_up is None:
            assert ended.outcome == whole, (number, level)
        assert whole != "valid" or ended.outcome != "invalid"
    assert early > 20


def _writes(ops: list[Operation]) -> str:
    return next((step[0] for op in ops for step in op.input if step[0] != "r"), "w")


def serial(transactions: int) -> Iterator[Event]:
    """One client that reads a list and appends to it; a list is left after ten appends."""
    lists: dict[int, list[int]] = {}
    for number in range(transactions):
        key, now = number // 10, 10 * number
        was = lists.setdefault(key, [])
        asked: list[list[Any]] = [["r", key, None], ["append", key, number]]
        yield Event("invoke", 0, "txn", None, asked, now)
        yield Event("ok", 0, "txn", None, [["r", key, list(was)], asked[1]], now + 5)
        was.append(number)


def test_keys_that_are_no_longer_used_are_forgotten_and_a_late_violation_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "SIZE_MAX", 2000)
    following = Transactions("strict-serializable")
    for event in serial(3000):
        following.feed(event)
        assert not following.judge()
        assert following.keys <= 130
    ended = following.verdict()
    assert ended.outcome == "unknown"
    assert "keys were forgotten on the way, and no violation was found" in str(ended.parts[0].reason)
    following.feed(Event("invoke", 0, "txn", None, [["r", 5, None], ["r", 299, None]], 40_000))
    following.feed(Event("ok", 0, "txn", None, [["r", 5, []], ["r", 299, [2990]]], 40_005))
    (violation,) = following.flush()
    assert violation.operation.index == 3000
    assert violation.explanation.kind == "G-single-process"


def test_a_key_that_is_used_all_the_time_ends_the_judging_where_it_becomes_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "SIZE_MAX", 500)
    following = Transactions("serializable")
    for number in range(300):
        following.feed(Event("invoke", 0, "txn", None, [["append", "x", number], ["r", "y", None]]))
        following.feed(Event("ok", 0, "txn", None, [["append", "x", number], ["r", "y", None]]))
    assert following.verdict().parts[0].reason == "what was done to the 2 keys in use is too much to be held"


def test_a_value_that_no_transaction_has_begun_to_write_is_refuted_at_once_only_in_real_time() -> None:
    for level, at_once in (("strict-serializable", True), ("serializable", False)):
        following = Transactions(level)
        following.feed(Event("invoke", 0, "txn", None, [["r", "x", None], ["w", "y", 1]]))
        following.feed(Event("ok", 0, "txn", None, [["r", "x", 1], ["w", "y", 1]]))
        assert bool(following.judge()) == at_once
        following.feed(Event("invoke", 1, "txn", None, [["w", "x", 1]]))
        assert following.verdict().outcome == ("invalid" if at_once else "valid")


def test_events_that_make_no_sense_are_refused() -> None:
    following = Transactions("serializable")
    following.feed(Event("invoke", 0, "txn", None, [["append", "x", 1], ["r", "y", None]]))
    for event, problem in (
        (Event("invoke", 0, "txn", None, []), "before its operation had ended"),
        (Event("ok", 1, "txn"), "had not invoked"),
        (Event("invoke", 1, "jump"), "'jump' is not a transaction"),
        (Event("invoke", 1, "txn", None, [["w", "x", 1]]), 'txn-list-append has no micro-operation "w"'),
        (Event("invoke", 1, "txn", None, 7), "7 is not a list of micro-operations"),
        (Event("ok", 0, "txn"), "without the values that it read"),
    ):
        with pytest.raises(HistoryError, match=problem):
            following.feed(event)
