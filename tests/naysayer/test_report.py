"""The report in lines: what it says without colour, in a narrow terminal, and where something was cut."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from checker.history import PENDING, Operation
from checker.values import Token
from checker.verdict import Explanation, Part, Rung, Verdict
from naysayer.fault_spans import FaultSpan
from naysayer.notation import call_text, value_text
from naysayer.report import timeline
from naysayer.report.console import Screen
from naysayer.report.report import Report
from naysayer.report.terminal import show

MS = 1_000_000
LADDER = tuple(Rung(f"property {number}", number % 2 == 0, "because of #2") for number in range(8))


def op(index: int, f: str, value: int, call_ms: int, ret_ms: int | None) -> Operation:
    given = (value, None) if f == "write" else (None, value)
    end = PENDING if ret_ms is None else ret_ms * MS
    return Operation(index, index, f, "x", *given, call_ms * MS, end, "info" if ret_ms is None else "ok", node="n1")


OPS = (op(1, "write", 1, 0, None), op(2, "read", 1, 10, 20), op(3, "read", 0, 40, 50))


def shown(report: Report, width: int = 100) -> str:
    screen = Screen(file=io.StringIO(), width=width)
    show(report, screen)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def report(operations: tuple[Operation, ...] = OPS) -> Report:
    explanation = Explanation("stale-read", "Stale read: #3 returned 0.", culprit=3)
    part = Part("x", "invalid", "zones", 400, counterexample=operations, explanation=explanation)
    verdict = Verdict("invalid", "register", "zones", 412, (part,), 0.3, ladder=LADDER)
    span = FaultSpan("partition {n3} | {n1,n2}", 5.0, 45.0)
    return Report(verdict, "quorum-kv", ends=(("replay", "naysayer replay there"),), spans=(span,))


def test_a_run_that_broke_off_is_never_shown_as_a_success() -> None:
    verdict = Verdict("valid", "register", "none", 0, (Part(None, "valid", "zones", 0),), 0.0)
    broken = Report(verdict, "quorum-kv", trouble="node n1 did not come up")
    lines = shown(broken).splitlines()
    assert "ABORTED" in lines[0]
    assert any("node n1 did not come up" in line for line in lines)
    assert "aborted" in lines[-1]
    assert "exit 3" in lines[-1]
    assert broken.exit_code == 3
    assert Report(verdict, "quorum-kv").exit_code == 0
    assert replace(report(), trouble="it stopped").exit_code == 1, "a violation is one, whatever came after it"


def test_symbols_tell_the_verdict_and_the_culprit_without_colour() -> None:
    lines = shown(report()).splitlines()
    assert lines[0].startswith('━━ ✗ NOT LINEARIZABLE ━━ key "x"')
    assert lines[1] == "Stale read: #3 returned 0."
    (culprit,) = [line for line in lines if line.startswith("  p3→n1")]
    assert culprit.rstrip().endswith("✗")
    (unknown,) = [line for line in lines if line.startswith("  p1→n1")]
    assert unknown.rstrip().endswith("? unknown")
    assert lines[-1].startswith("━━ 1 key: 0 valid, 1 invalid, 0 unknown ━━ ")
    assert "exit 1" in lines[-1]


def test_the_fault_and_the_operations_share_one_axis() -> None:
    lines = shown(report()).splitlines()
    (fault,) = [line for line in lines if "nemesis" in line]
    (before,) = [line for line in lines if line.startswith("  p2→n1")]
    (after,) = [line for line in lines if line.startswith("  p3→n1")]
    assert fault.index("▒") < before.index("├") < before.index("┤") < after.index("├") < len(fault.rstrip())


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, shown(report(), width).splitlines())) <= width


@pytest.mark.parametrize("width", [60, 100])
def test_a_rung_of_the_ladder_stays_in_one_line(width: int) -> None:
    text = shown(report(), width)
    for rung in LADDER:
        assert f"{rung.name} {'✓' if rung.holds else '✗'} (because of #2)" in text


def test_what_is_not_drawn_is_counted() -> None:
    many = tuple(op(number, "read", 0, number * 10, number * 10 + 5) for number in range(1, 31))
    assert "… and 18 more operations, in verdict.json" in shown(report(many))


def test_many_faults_in_the_window_are_counted() -> None:
    axis = timeline.axis_for(OPS, 90)
    rows = timeline.faults(axis, [FaultSpan(f"kill n{number}", 1.0, None) for number in range(7)])
    assert rows[-1].plain.strip() == "… and 3 more faults in this window"
    assert timeline.faults(axis, [FaultSpan("kill n1", 900.0, None)]) == []


def test_what_fails_as_a_whole_is_not_counted_as_a_key() -> None:
    keys = tuple(Part(key, "valid", "zones", 2) for key in ("x", "y"))
    whole = Part(None, "invalid", "invariant", 4, explanation=Explanation("invariant", "Two leaders in one term."))
    verdict = Verdict("invalid", "kv", "invariant", 4, (whole, *keys), 0.0)
    assert "an invariant is broken · 2 keys: 2 valid, 0 invalid, 0 unknown" in shown(Report(verdict, "raft-log"))
    alone = Verdict("invalid", "kv", "invariant", 4, (whole,), 0.0)
    assert "1 violation" in shown(Report(alone, "raft-log"))


@pytest.mark.parametrize(
    ("given", "answered", "status", "text"),
    [
        (
            (("r", 1, None), ("append", 2, 3)),
            (("r", 1, (7, 8)), ("append", 2, 3)),
            "ok",
            "txn r 1 → [7, 8], append 2 3",
        ),
        ((("r", "x", None), ("w", "y", 3)), (("r", "x", None), ("w", "y", 3)), "ok", 'txn r "x" → nothing, w "y" 3'),
        ((("r", "x", None), ("w", "y", 3)), None, "info", 'txn r "x", w "y" 3'),
        (("what", 3), None, "info", 'txn "what", 3'),
    ],
)
def test_transactions_are_told_by_their_steps(given: tuple, answered: tuple | None, status: str, text: str) -> None:  # type: ignore[type-arg]
    assert call_text(Operation(1, 1, "txn", None, given, answered, 0, 10, status)) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        (1, "1"),
        ("1", '"1"'),
        ([1, ["a", None], False], '[1, ["a", null], false]'),
        ({"a": (1, 2)}, '{"a": [1, 2]}'),
        (Token(":x"), ":x"),
        ("a\x1b", '"a\\u001b"'),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6…7, 98, 99]"),
    ],
)
def test_values_are_shown_as_records_write_them(value: object, text: str) -> None:
    assert value_text(value) == text
