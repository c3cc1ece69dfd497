"""Warnings name what weakens a verdict, and stay silent about histories in which nothing is amiss."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.check import check
from checker.formats import read
from checker.history import PENDING, History, Operation
from checker.values import Token
from checker.warnings import of_record, warnings


def write(
    index: int, value: object, call: int, ret: int | None, *, process: int | None = None, key: str | None = None
) -> Operation:
    """A write; `ret` None: pending."""
    return Operation(
        index=index,
        process=index if process is None else process,
        f="write",
        key=key,
        input=value,
        call=call,
        ret=PENDING if ret is None else ret,
        status="info" if ret is None else "ok",
    )


def of(*operations: Operation) -> History:
    return History.of(operations)


def test_a_clean_history_has_no_warnings() -> None:
    history = of(write(0, 1, 0, 10), write(1, 2, 11, 20))
    assert warnings(history, "register") == ()


def test_the_empty_history_has_no_warnings() -> None:
    assert warnings(of(), "register") == ()


def test_values_written_twice_are_named() -> None:
    (said,) = warnings(of(write(0, 7, 0, 10), write(1, 8, 11, 20), write(2, 7, 21, 30)), "register")
    assert "not unique: #0 and #2 both introduce 7;" in said


def test_further_repeats_are_counted() -> None:
    (said,) = warnings(of(*(write(i, 7, 10 * i, 10 * i + 5) for i in range(5))), "register")
    assert "and 3 more do so" in said


def test_the_same_value_under_two_keys_is_unique() -> None:
    assert warnings(of(write(0, 7, 0, 10, key="a"), write(1, 7, 11, 20, key="b")), "kv") == ()


def test_repeated_adds_to_a_counter_are_as_they_should_be() -> None:
    adds = [Operation(index=i, process=i, f="add", input=1, call=10 * i, ret=10 * i + 5) for i in range(3)]
    assert warnings(History.of(adds), "counter") == ()


def test_pending_effects_are_counted_and_pending_reads_are_not() -> None:
    lost = Operation(index=2, process=2, f="read", call=30, status="info")
    (said,) = warnings(of(write(0, 1, 0, None), write(1, 2, 11, None), lost), "register")
    assert said.startswith("unknown outcomes: 2 × write; each may have taken effect")
    assert said.endswith("; 1 × read changed nothing")


def test_an_operation_that_begins_when_another_returns_is_named() -> None:
    (said,) = warnings(of(write(0, 1, 0, 10), write(1, 2, 10, 20)), "register")
    assert "1 operation begins at the very time at which another returns (first #1)" in said


def test_an_operation_of_no_length_does_not_meet_itself() -> None:
    assert warnings(of(write(0, 1, 5, 5), write(1, 2, 6, 9)), "register") == ()
    assert len(warnings(of(write(0, 1, 5, 5), write(1, 2, 5, 5)), "register")) == 1


def test_two_operations_of_one_process_at_once_are_named() -> None:
    (said,) = warnings(of(write(0, 1, 0, 10, process=3), write(1, 2, 5, 20, process=3)), "register")
    assert "process 3 has two operations at once (#0 and #1)" in said


def test_a_process_that_continues_after_an_unknown_outcome_is_named() -> None:
    said = warnings(of(write(0, 1, 0, None, process=3), write(1, 2, 5, 20, process=3)), "register")
    assert len(said) == 2
    assert "unknown outcomes: 1 × write; it may" in said[0]
    assert "process 3 continues after an unknown outcome (#0, then #1): look for a recorder that writes info" in said[1]


def test_processes_that_stop_or_change_their_number_after_an_unknown_outcome_are_not() -> None:
    history = of(write(0, 1, 0, 3, process=3), write(1, 2, 5, None, process=3), write(2, 3, 8, 9, process=4))
    assert [said for said in warnings(history, "register") if "continues" in said] == []


def read_of(index: int, value: object, call: int, *, key: object = None) -> Operation:
    return Operation(index, index, "read", key, None, value, call, call + 1)


@pytest.mark.parametrize(
    ("written", "found", "named"),
    [
        (10, "10", '"10" (first in #1) and 10 (first in #0)'),
        ("10", 10, '"10" (first in #0) and 10 (first in #1)'),
        ("1.5", 1.5, '"1.5" (first in #0) and 1.5 (first in #1)'),
        (True, 1, "true (first in #0) and 1 (first in #1)"),
        (0, False, "false (first in #1) and 0 (first in #0)"),
        (True, "true", '"true" (first in #1) and true (first in #0)'),
        (Token(":x"), "x", '"x" (first in #1) and :x (first in #0)'),
        (Token(":x"), ":x", '":x" (first in #1) and :x (first in #0)'),
    ],
)
def test_values_that_differ_only_in_type_are_named(written: object, found: object, named: str) -> None:
    (said,) = warnings(of(write(0, written, 0, 1), read_of(1, found, 2)), "register")
    assert f"values differ only in type: {named}: they count as different values; look for" in said


def test_a_boolean_that_a_cas_answers_is_no_value() -> None:
    swap = Operation(1, 1, "cas", None, (1, 2), True, 2, 3)
    assert warnings(of(write(0, 1, 0, 1), swap), "cas-register") == ()


def test_one_number_of_two_types_and_texts_that_are_no_numbers_are_no_reason_to_warn() -> None:
    assert (
        warnings(of(write(0, 1, 0, 1), read_of(1, 1.0, 2), write(2, "a", 4, 5), write(3, "", 6, 7)), "register") == ()
    )


def test_what_lists_and_transactions_hold_is_compared_too() -> None:
    adds = Operation(0, 0, "add", None, 10, None, 0, 1), Operation(1, 1, "read", None, None, ("10",), 2, 3)
    (said,) = warnings(of(*adds), "set")
    assert 'values differ only in type: "10" (first in #1) and 10 (first in #0)' in said
    wrote = Operation(0, 0, "txn", None, (("w", "7", 10),), (("w", "7", 10),), 0, 1)
    found = Operation(1, 1, "txn", None, (("r", 7, None),), (("r", 7, "10"),), 2, 3)
    values, keys = warnings(of(wrote, found), "txn-rw-register")
    assert 'values differ only in type: "10" (first in #1) and 10 (first in #0)' in values
    assert 'keys differ only in type: "7" (first in #0) and 7 (first in #1)' in keys


def test_the_keys_of_polled_logs_are_no_values() -> None:
    asked = Operation(0, 0, "poll", None, (("0", 0),), (("0", ((0, 7),)),), 0, 1)
    listed = Operation(1, 0, "list_committed_offsets", None, ("0",), (("0", 0),), 2, 3)
    assert of_record(of(asked, listed)) == ()
    (said,) = of_record(of(asked, Operation(1, 0, "commit_offsets", None, ((0, 0),), None, 2, 3)))
    assert 'keys differ only in type: "0" (first in #0) and 0 (first in #1)' in said


def test_a_key_and_a_value_of_a_transaction_are_not_compared() -> None:
    wrote = Operation(0, 0, "txn", None, (("w", 10, "10"),), (("w", 10, "10"),), 0, 1)
    assert warnings(of(wrote), "txn-rw-register") == ()


def test_keys_that_differ_only_in_type_are_named() -> None:
    (said,) = warnings(of(write(0, 5, 0, 1, key="7"), read_of(1, None, 2, key=7)), "kv")
    assert 'keys differ only in type: "7" (first in #0) and 7 (first in #1): they are judged as two objects' in said


def test_a_clock_that_ran_backwards_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(
        '{"type":"invoke","process":0,"f":"write","input":1,"time":100}\n'
        '{"type":"ok","process":0,"f":"write","time":200}\n'
        '{"type":"invoke","process":1,"f":"read","time":150}\n'
        '{"type":"ok","process":1,"f":"read","output":1,"time":260}\n'
    )
    recording = read(path)
    (said,) = warnings(recording.history, recording.model)
    assert "backwards once in the record, first at line 3 by 50 ns" in said


def test_a_verdict_carries_the_warnings() -> None:
    assert len(check(of(write(0, 1, 0, None)), "register").warnings) == 1
