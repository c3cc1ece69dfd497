"""How much a run showed: counts that add up, what is named beside the headline, and when the outcome is unknown."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from checker.history import PENDING, History, Operation
from checker.verdict import Part, Verdict
from naysayer.fault_spans import FaultSpan
from naysayer.judge import enough
from naysayer.report.counts import without_middle
from naysayer.report.report import Report
from naysayer.report.terminal import show
from naysayer.seen import Counts, Seen, seen

MS = 1_000_000
VALID = Verdict("valid", "register", "zones", 4, (Part("x", "valid", "zones", 4),), 0.0)


def op(number: int, f: str, status: str, *, node: str = "n1", error: str | None = None, key: str = "x") -> Operation:
    ret = PENDING if status == "info" else (10 * number + 5) * MS
    value = number if status == "ok" and f == "read" else None
    return Operation(number, number, f, key, number, value, 10 * number * MS, ret, status, node, error)  # type: ignore[arg-type]


def test_every_group_of_counts_adds_up_to_all_operations() -> None:
    ops = [
        op(0, "write", "ok"),
        op(1, "write", "info", error="timeout"),
        op(2, "read", "fail", node="n2", error="not the leader"),
        op(3, "read", "ok", node="n10"),
        op(4, "read", "info", node="n2", error="timeout"),
    ]
    counted = seen(History.of(ops), "register", [FaultSpan("a", 8.0, 12.0), FaultSpan("b", 11.0, 25.0)])
    assert counted.total == Counts(2, 1, 2)
    assert counted.by_kind == {"read": Counts(1, 1, 1), "write": Counts(1, 0, 1)}
    assert counted.by_node == {"n1": Counts(1, 0, 1), "n2": Counts(0, 1, 1), "n10": Counts(1, 0, 0)}
    assert list(counted.by_node) == ["n1", "n2", "n10"]
    assert counted.during_faults == Counts(0, 1, 1), "those invoked at 10 and 20 ms"
    assert counted.errors == (("timeout", 2), ("not the leader", 1))
    assert counted.final_reads is None


def test_a_fault_that_was_never_ended_is_active_to_the_end() -> None:
    counted = seen(History.of([op(n, "read", "ok") for n in range(4)]), "register", [FaultSpan("a", 15.0, None)])
    assert counted.during_faults == Counts(2, 0, 0)


def test_kinds_that_seldom_succeed_are_named_and_others_are_not() -> None:
    ops = [op(n, "write", "ok") for n in range(20)] + [op(n, "read", "ok") for n in range(20, 39)]
    assert seen(History.of(ops), "register").remarks == ("few succeeded: read 19 of 19",)
    seldom = [op(n, "read", "ok" if n % 25 == 0 else "fail", error="no") for n in range(20, 600)]
    assert seen(History.of([*ops[:20], *seldom]), "register").remarks == ("few succeeded: read 23 of 580",)


def test_the_few_operations_of_the_last_round_are_not_named_if_they_succeeded() -> None:
    ops = [op(n, "send", "ok") for n in range(20)]
    ends = [op(20, "final_poll", "ok"), op(21, "final_poll", "ok")]
    assert seen(History.of([*ops, *ends]), "kafka").remarks == ()
    failed = [*ends[:1], op(21, "final_poll", "fail")]
    assert seen(History.of([*ops, *failed]), "kafka").remarks == ("few succeeded: final_poll 1 of 2",)


def test_an_operation_that_the_program_does_not_have_is_not_named_beside_the_headline() -> None:
    """A remark of its own says so. One other failure, and it seldom succeeds."""
    done = [op(n, "read", "ok") for n in range(30)]
    unsupported = [op(n, "cas", "fail", error="error 10: not supported") for n in range(30, 33)]
    assert seen(History.of([*done, *unsupported]), "cas-register").remarks == ()
    failed = op(33, "cas", "fail", error="error 22: no match")
    assert seen(History.of([*done, *unsupported, failed]), "cas-register").remarks == ("few succeeded: cas 0 of 4",)


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ("timeout", True),
        ("connection refused", True),
        ("n2 refused the connection", True),
        ("no connection: [Errno 111]", True),
        ("n2 is down", True),
        (None, True),
        ("error 11: not the leader", False),
        ("HTTP 500", False),
    ],
)
def test_a_node_that_never_answered_is_named_and_one_that_refused_is_not(error: str | None, named: bool) -> None:
    ops = [op(n, "write" if n % 2 else "read", "ok") for n in range(80)]
    silent = [op(n, "read", "info" if n % 2 else "fail", node="n2", error=error) for n in range(80, 90)]
    remarks = seen(History.of([*ops, *silent]), "register").remarks
    assert (remarks == ("never answered: n2 (10 operations)",)) == named


def test_final_reads_that_all_came_to_nothing_leave_the_outcome_unknown() -> None:
    ops = [op(0, "write", "ok"), op(1, "read", "ok"), op(2, "read", "info"), op(3, "read", "fail")]
    assert seen(History.of(ops), "register").blind is None
    counted = seen(History.of(ops), "register", last_round=2)
    assert counted.final_reads == Counts(0, 1, 1)
    assert str(counted.blind).startswith("none of the 2 final reads succeeded")
    assert seen(History.of(ops), "register", last_round=1).blind is None
    assert seen(History.of(ops), "register", last_round=4).blind is None, "the run was ended before its last round"


def test_keys_whose_final_reads_all_failed_are_named() -> None:
    ops = [op(n, "write", "ok", key="xyz"[n % 3]) for n in range(60)]
    ops += [op(60 + n, "read", "ok", key="xyz"[n % 3]) for n in range(20)]
    ops += [op(80 + n, "read", "ok", key="y") for n in range(20)] + [op(100 + n, "read", "info") for n in range(3)]
    found = seen(History.of(ops), "kv", last_round=80)
    assert (found.remarks, found.blind) == (("no final read succeeded of: x",), None)


def test_a_last_write_that_no_read_followed_leaves_the_outcome_unknown() -> None:
    """As where a server dies in the middle of the final reads: other keys were read, and this one may have lost it."""
    ops = [op(n, "write", "ok", key="xyz"[n % 3]) for n in range(60)]
    ops += [op(60 + n, "read", "ok", key="yz"[n % 2]) for n in range(20)] + [
        op(80 + n, "read", "info") for n in range(3)
    ]
    found = seen(History.of(ops), "kv", last_round=60)
    assert str(found.blind).startswith("no read of x succeeded after its last write, not even a final one")
    assert seen(History.of(ops), "kv").blind is None, "nothing is known of a last round"
    assert enough(VALID, found).outcome == "unknown"


def test_only_a_verdict_that_would_be_valid_becomes_unknown() -> None:
    blind = seen(History.of([op(0, "write", "ok"), op(1, "read", "info", error="HTTP 500")]), "register")
    judged = enough(VALID, blind)
    assert judged.outcome == "unknown"
    assert judged.worst is not None
    assert str(judged.worst.reason).startswith("no read succeeded after any write")
    assert Report(judged, "a store").exit_code == 2
    for outcome in ("invalid", "unknown"):
        other = replace(VALID, outcome=outcome)
        assert enough(other, blind) is other
    enlightened = seen(History.of([op(0, "write", "ok"), op(1, "read", "ok")]), "register")
    assert enough(VALID, enlightened) is VALID


def test_nothing_seen_at_all() -> None:
    ops = [op(n, "read", "info", error="timeout") for n in range(3)]
    blind = seen(History.of(ops), "register").blind
    assert blind == "none of 3 operations succeeded, so the run shows nothing about the system; most often: timeout"
    assert seen(History.of([]), "register").blind == "no operation was invoked"


def shown(verdict: Verdict, counted: Seen) -> list[str]:
    screen = Console(file=io.StringIO(), width=100, highlight=False)
    show(Report(verdict, "a store", seen=counted), screen)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


def test_the_headline_is_followed_by_what_it_rests_on_but_a_violation_stands_by_itself() -> None:
    counted = seen(History.of([op(0, "write", "ok"), op(1, "read", "info", error="timeout")]), "register")
    lines = shown(VALID, counted)
    assert lines[1] == "! no read succeeded after any write, so a lost or stale value could not have been noticed"
    assert lines[2] == "! few succeeded: read 0 of 1, write 1 of 1"
    lines = shown(enough(VALID, counted), counted)
    assert "UNKNOWN" in lines[0]
    assert lines[1].startswith("Not decided: no read succeeded after any write, so")
    assert "! few succeeded: read 0 of 1, write 1 of 1" in lines
    invalid = replace(VALID, outcome="invalid", parts=(Part("x", "invalid", "zones", 4),))
    assert not any(line.startswith("!") for line in shown(invalid, counted))


def test_the_table_of_a_report_adds_up() -> None:
    ops = [op(n, "write" if n % 2 else "read", "info" if n % 7 == 0 else "ok", node=f"n{n % 12}") for n in range(100)]
    lines = shown(VALID, seen(History.of(ops), "register", [FaultSpan("cut", 100.0, 300.0)]))
    rows = {
        line.rsplit(None, 4)[0].strip(): [int(n) for n in line.split()[-4:]] for line in lines if line[-1:].isdigit()
    }
    rows = {name: numbers for name, numbers in rows.items() if len(numbers) == 4}
    for name, (total, *parts) in rows.items():
        assert total == sum(parts), name
    for groups in (("read", "write"), ("under faults", "no fault")):
        assert [sum(column) for column in zip(*(rows[name] for name in groups), strict=True)] == rows["all"]
    assert "            … and 3 more nodes" in lines


def test_of_a_long_error_words_in_the_middle_are_left_out_and_no_address_is_cut() -> None:
    short = "n1 refused the connection"
    assert without_middle(short) == short
    long = f"connecting to http://10.0.0.17:8080/kv/x failed {'again and ' * 20}again: 10.0.0.17:8080 refused it"
    left = without_middle(long)
    assert len(left) <= 110
    assert left.startswith("connecting to http://10.0.0.17:8080/kv/x failed ")
    assert left.endswith(" again: 10.0.0.17:8080 refused it")
    assert set(left.split()) <= {*long.split(), "…"}
