"""Maelstrom's workloads that promise something else than linearizability."""

from __future__ import annotations

from typing import Any

import pytest

from checker.history import PENDING, History, Operation, Status
from checker.properties import PROPERTIES, decider
from checker.transactions import MODELS as TRANSACTIONS
from checker.transactions.judged import judge as judge_transactions
from checker.verdict import Decision, Part


def history(*rows: tuple[Any, ...]) -> History:
    """Operations one after another: (f, input, output[, status[, key[, node]]])."""
    ops = []
    for i, (f, given, output, *rest) in enumerate(rows):
        status: Status = rest[0] if rest else "ok"
        ret = PENDING if status == "info" else 10 * i + 5
        key = rest[1] if len(rest) > 1 else None
        node = rest[2] if len(rest) > 2 else None
        ops.append(Operation(i, i, f, key, given, output, 10 * i, ret, status, node))
    return History.of(ops)


def judge(name: str, *rows: tuple[Any, ...]) -> Decision | Part:
    if name in TRANSACTIONS:
        return judge_transactions(history(*rows), name, "serializable").parts[0]
    return decider(name)(history(*rows))


def kind(decision: Decision | Part) -> str:
    assert decision.outcome == "invalid"
    assert decision.explanation is not None
    assert decision.counterexample
    return decision.explanation.kind


def test_every_property_has_a_decider() -> None:
    for name in PROPERTIES:
        assert decider(name)(history()).outcome in ("valid", "unknown")


def test_an_echo_must_repeat_its_question() -> None:
    assert judge("echo", ("echo", "hi", "hi"), ("echo", "a", None, "info")).outcome == "valid"
    assert kind(judge("echo", ("echo", "hi", "ho"))) == "wrong-echo"


def test_an_id_is_handed_out_once() -> None:
    assert judge("unique-ids", ("generate", None, 1), ("generate", None, "1")).outcome == "valid"
    assert (
        kind(judge("unique-ids", ("generate", None, 1), ("generate", None, 2), ("generate", None, 1))) == "duplicate-id"
    )


@pytest.mark.parametrize(("name", "f"), [("broadcast", "broadcast"), ("g-set", "add")])
def test_acknowledged_elements_are_in_every_final_read(name: str, f: str) -> None:
    sent = [(f, 1, None), (f, 2, None, "info"), (f, 3, None, "fail")]
    assert judge(name, *sent, ("read", "final", [1])).outcome == "valid"
    assert judge(name, *sent, ("read", "final", [2, 1])).outcome == "valid"
    assert judge(name, *sent, ("read", None, []), ("read", "final", [1])).outcome == "valid"
    assert kind(judge(name, *sent, ("read", "final", [2]))) == "never-read"
    assert kind(judge(name, *sent, ("read", None, [1]), ("read", "final", [2]))) == "lost-write"
    assert kind(judge(name, *sent, ("read", None, [1, 1]))) == "duplicate-value"
    assert judge(name, (f, 1, None), (f, 1, None, "fail"), ("read", "final", [1])).outcome == "valid"
    assert kind(judge(name, *sent, ("read", None, [3]))) == "phantom-value"
    assert kind(judge(name, *sent, ("read", None, [9]))) == "phantom-value"
    assert kind(judge(name, ("read", None, [1]), *sent)) == "phantom-value"
    assert judge(name, *sent).outcome == "unknown"


def test_a_final_count_is_a_sum_that_the_increments_allow() -> None:
    adds = [("add", 5, None), ("add", -2, None, "info"), ("add", 7, None, "fail")]
    for name in ("g-counter", "pn-counter"):
        assert judge(name, *adds, ("read", None, 0), ("read", "final", 5)).outcome == "valid"
        assert judge(name, *adds, ("read", "final", 3)).outcome == "valid"
        assert kind(judge(name, *adds, ("read", "final", 12))) == "wrong-count"
        assert judge(name, *adds, ("read", None, -2), ("read", "final", 3)).outcome == "valid"
        for wrong in (6, -3):
            assert kind(judge(name, *adds, ("read", None, wrong), ("read", "final", 3))) == "wrong-count"
        assert kind(judge(name, ("read", None, 5), *adds, ("read", "final", 5))) == "wrong-count"


def test_a_log_keeps_its_offsets_and_skips_nothing_acknowledged() -> None:
    sends = [("send", "a", 0, "ok", "k"), ("send", "b", 1, "ok", "k"), ("send", "c", 3, "ok", "k")]

    def poll(messages: list[list[Any]], start: int = 0) -> tuple[Any, ...]:
        return ("poll", {"k": start}, {"k": messages})

    assert judge("kafka", *sends, poll([[0, "a"], [1, "b"], [3, "c"]]), poll([[3, "c"]], 2)).outcome == "valid"
    assert judge("kafka", *sends, poll([[0, "a"]])).outcome == "valid"
    assert kind(judge("kafka", *sends, poll([[0, "a"], [3, "c"]]))) == "lost-write"
    assert judge("kafka", *sends[:2], poll([[0, "a"], [3, "c"]], 0), sends[2]).outcome == "invalid"
    assert judge("kafka", *sends[1:], ("send", "a", 5, "ok", "k"), poll([[3, "c"]], 2)).outcome == "valid"
    assert kind(judge("kafka", *sends, poll([[0, "b"]]))) == "conflicting-offset"
    assert kind(judge("kafka", *sends, poll([[1, "b"], [0, "a"]]))) == "out-of-order"
    assert kind(judge("kafka", *sends, poll([[0, "a"]], 1))) == "out-of-order"
    assert kind(judge("kafka", *sends, poll([[4, "z"]]))) == "phantom-value"
    assert kind(judge("kafka", *sends, ("send", "d", 1, "ok", "k"))) == "conflicting-offset"
    assert kind(judge("kafka", *sends, poll([[2, "a"]]))) == "duplicate-message"
    assert kind(judge("kafka", ("send", "d", None, "fail", "k"), poll([[0, "d"]]))) == "phantom-value"
    assert kind(judge("kafka", poll([[0, "a"]]), *sends)) == "phantom-value"


def test_a_log_that_ends_before_what_was_acknowledged_lost_it() -> None:
    sends = [("send", "a", 0, "ok", "k"), ("send", "b", 1, "ok", "k")]
    empty: tuple[Any, Any] = {"k": 1}, {}
    assert judge("kafka", *sends, ("poll", *empty)).outcome == "valid"
    assert judge("kafka", *sends, ("final_poll", {"k": 2}, {"k": []})).outcome == "valid"
    assert kind(judge("kafka", *sends, ("final_poll", *empty))) == "lost-write"


def at(node: str, *row: Any) -> tuple[Any, ...]:
    f, given, output = row
    return (f, given, output, "ok", None, node)


def test_of_each_node_the_last_of_several_final_reads_counts() -> None:
    early, late, other = at("n1", "read", "final", []), at("n1", "read", "final", [1]), at("n2", "read", "final", [])
    assert judge("g-set", ("add", 1, None), early, late).outcome == "valid"
    assert kind(judge("g-set", ("add", 1, None), late, early)) == "lost-write"
    assert kind(judge("g-set", ("add", 1, None), other, late)) == "lost-write"
    less, right = at("n1", "read", "final", 0), at("n1", "read", "final", 5)
    assert judge("g-counter", ("add", 5, None), less, right).outcome == "valid"
    assert kind(judge("g-counter", ("add", 5, None), right, less)) == "wrong-count"


def test_of_each_node_the_last_end_of_a_drained_log_counts() -> None:
    send = ("send", "a", 0, "ok", "k")
    ended, shown = at("n1", "final_poll", {"k": 0}, {}), at("n1", "final_poll", {"k": 0}, {"k": [[0, "a"]]})
    empty, other = at("n1", "final_poll", {"k": 1}, {}), at("n2", "final_poll", {"k": 0}, {})
    assert judge("kafka", send, ended, shown, empty).outcome == "valid"
    assert kind(judge("kafka", send, shown, empty, ended)) == "lost-write"
    assert kind(judge("kafka", send, other, shown, empty)) == "lost-write"


def txn(*micros: tuple[str, str, Any], status: str = "ok") -> tuple[Any, ...]:
    rows = [list(micro) for micro in micros]
    return ("txn", [[f, k, None if f == "r" else v] for f, k, v in rows], rows if status == "ok" else None, status)


def test_a_serial_history_of_lists_has_no_cycle() -> None:
    rows = [txn(("append", "x", 1)), txn(("r", "x", [1]), ("append", "y", 2)), txn(("r", "y", [2]), ("r", "x", [1]))]
    assert judge("txn-list-append", *rows).outcome == "valid"


def test_cycles_of_every_class_are_found() -> None:
    g0 = [
        txn(("append", "x", 1), ("append", "y", 1)),
        txn(("append", "x", 2), ("append", "y", 2)),
        txn(("r", "x", [1, 2])),
        txn(("r", "y", [2, 1])),
    ]
    g1c = [txn(("append", "x", 1), ("r", "y", [1])), txn(("append", "y", 1), ("r", "x", [1]))]
    single = [txn(("append", "x", 1), ("append", "y", 1)), txn(("r", "x", [1]), ("r", "y", []))]
    g2 = [txn(("r", "x", []), ("append", "y", 1)), txn(("r", "y", []), ("append", "x", 1))]
    g2 += [txn(("r", "x", [1]), ("r", "y", [1]))]
    for rows, name in ((g0, "G0"), (g1c, "G1c"), (single, "G-single"), (g2, "G2-item")):
        assert kind(judge("txn-list-append", *rows)) == name


def test_reads_that_no_commit_explains_are_found() -> None:
    aborted = [txn(("append", "x", 1), status="fail"), txn(("r", "x", [1]))]
    middle = [txn(("append", "x", 1), ("append", "x", 2)), txn(("r", "x", [1]))]
    unlike = [txn(("append", "x", 1)), txn(("append", "x", 2)), txn(("r", "x", [1])), txn(("r", "x", [2, 1]))]
    inside = [txn(("append", "x", 1), ("r", "x", []))]
    unwritten = [txn(("r", "x", [7]))]
    twice = [txn(("append", "x", 1)), txn(("r", "x", [1, 1]))]
    future = [txn(("r", "x", [1]), ("append", "x", 1))]
    for rows, name in (
        (aborted, "aborted-read"),
        (middle, "intermediate-read"),
        (unlike, "incompatible-order"),
        (inside, "internal"),
        (unwritten, "phantom-value"),
        (twice, "duplicate-elements"),
        (future, "future-read"),
    ):
        assert kind(judge("txn-list-append", *rows)) == name


def test_an_unread_append_that_happened_counts_as_later_than_all_reads() -> None:
    rows = [txn(("append", "x", 1), ("r", "y", [5])), txn(("append", "y", 5), ("r", "x", []))]
    assert judge("txn-list-append", *rows).outcome == "valid"
    rows = [txn(("append", "x", 1), ("r", "y", [])), txn(("append", "y", 5), ("r", "x", []))]
    assert kind(judge("txn-list-append", *rows)) == "G2-item"


def test_registers_show_lost_updates_and_allow_pending_writes() -> None:
    lost = [txn(("w", "x", 1)), txn(("r", "x", 1), ("w", "x", 2)), txn(("r", "x", 1), ("w", "x", 3))]
    assert kind(judge("txn-rw-register", *lost)) == "lost-update"
    pending = [txn(("w", "x", 1), status="info"), txn(("r", "x", 1)), txn(("r", "x", None))]
    assert judge("txn-rw-register", *pending).outcome == "valid"
    assert judge("txn-rw-register", txn(("w", "x", 1)), txn(("w", "x", 1))).outcome == "valid"


def test_the_gravest_cycle_gives_the_name() -> None:
    both = [
        txn(("append", "x", 1), ("append", "y", 1), ("r", "z", [])),
        txn(("append", "x", 2), ("append", "y", 2), ("append", "z", 3), ("r", "y", [2])),
        txn(("r", "x", [1, 2])),
        txn(("r", "y", [2, 1])),
    ]
    assert kind(judge("txn-list-append", *both)) == "G0"
    lost = [txn(("r", "x", []), ("append", "x", 1)), txn(("r", "x", []), ("append", "x", 2)), txn(("r", "x", [1, 2]))]
    assert kind(judge("txn-list-append", *lost)) == "lost-update"


def test_a_write_of_unknown_outcome_that_was_seen_happened_with_all_its_writes() -> None:
    rows = [txn(("append", "x", 1), ("append", "y", 1), status="info"), txn(("r", "x", [1]), ("r", "y", []))]
    assert kind(judge("txn-list-append", *rows)) == "G-single"


def test_a_committed_offset_lies_not_beyond_what_was_committed() -> None:
    def listed(offset: int, **more: int) -> tuple[Any, ...]:
        return ("list_committed_offsets", ["k"], {"k": offset, **more})

    commit = ("commit_offsets", {"k": 5}, None)
    for fine in (5, 6, 3, 0):
        assert judge("kafka", commit, listed(fine)).outcome == "valid", "a consumer goes on there and skips nothing"
    for nothing in (0, -1):
        assert judge("kafka", listed(nothing)).outcome == "valid", "nothing lies before offset 0"
    assert judge("kafka", ("commit_offsets", {"k": 5}, None, "info"), listed(5)).outcome == "valid"
    for wrong in ((commit, listed(1005)), (listed(5), commit), (commit, listed(5, other=1))):
        assert kind(judge("kafka", *wrong)) == "phantom-value"
    assert kind(judge("kafka", ("commit_offsets", {"k": 5}, None, "fail"), listed(5))) == "phantom-value"


def test_commits_that_no_answer_shows_leave_the_outcome_unknown() -> None:
    commit, none = ("commit_offsets", {"k": 5}, None), ("list_committed_offsets", ["k"], {})
    found = judge("kafka", commit, none, none)
    assert (found.outcome, str(found.reason)[:56]) == (
        "unknown",
        "offsets were committed, and none of 2 answers to list_co",
    )
    shown = ("list_committed_offsets", ["k"], {"k": 5})
    assert judge("kafka", commit, none, shown).outcome == "valid"
    assert judge("kafka", commit, ("list_committed_offsets", ["other"], {})).outcome == "valid"
    assert judge("kafka", none, commit).outcome == "valid", "nothing was committed when it was asked"


def test_values_are_shown_as_records_write_them_not_as_python_does() -> None:
    explained = judge("unique-ids", ("generate", None, None), ("generate", None, None)).explanation
    assert explained is not None
    assert explained.sentence == "Duplicate id: #1 was given null, which #0 already had."
