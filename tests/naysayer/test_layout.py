"""Reports in narrow and wide terminals: nothing that matters is cut, and no path or command is broken."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from checker.history import PENDING, History, Operation
from checker.verdict import Edge, Explanation, Part, Rung, Verdict
from naysayer.fault_spans import FaultSpan
from naysayer.report.console import Screen, Text, console
from naysayer.report.layout import filled, hanging, rule
from naysayer.report.report import Report
from naysayer.report.terminal import show
from naysayer.seen import seen

MS = 1_000_000
WIDTHS = (60, 80, 120, 200)
HOSTS = ("replica-1.eu-central.example.org", "10.0.0.1", "replica-2.eu-central.example.org")
COMMAND = "naysayer replay /home/somebody/with/quite/a/long/path/results/quorum-kv.no-read-repair/20261128T213628"


def op(index: int, f: str, value: object, call_ms: int, ret_ms: int | None) -> Operation:
    given = (value, None) if f == "write" else (None, value)
    end = PENDING if ret_ms is None else ret_ms * MS
    status = "info" if ret_ms is None else "ok"
    return Operation(index, 1000 + index, f, "x", *given, call_ms * MS, end, status, HOSTS[index % 3])  # type: ignore[arg-type]


OPS = (
    op(1, "write", "a value of a good length, number 1", 0, 3),
    op(2, "write", 2, 5, None),
    op(3, "read", 2, 10, 20),
    op(4, "read", "a value of a good length, number 1", 985, 990),
)
NOTES = {4: "must read 2: #3 had read it, and it ended 965.0 ms before #4 began"}
CYCLE = (Edge(2, 3, "read by"), Edge(3, 4, "real time"), Edge(4, 2, "read older than"))


def printed(width: int) -> str:
    explanation = Explanation("stale-read", "Stale read: #4 returned an older value.", CYCLE, 4, NOTES)
    part = Part("x", "invalid", "zones", 400, counterexample=OPS, explanation=explanation)
    ladder = tuple(Rung(f"property {number}", number % 2 == 0, "because of #2") for number in range(8))
    verdict = Verdict(
        "invalid", "register", "zones", 412, (part,), 0.3, warnings=("one of many words " * 12,), ladder=ladder
    )
    span = FaultSpan(
        "partition {replica-1.eu-central.example.org} | {10.0.0.1,replica-2.eu-central.example.org}", 5.0, 900.0
    )
    report = Report(
        verdict,
        "a store",
        facts=(("history", f"{COMMAND.split()[-1]}/history.jsonl · read as jsonl-events · judged as register"),),
        ends=(("replay", COMMAND),),
        spans=(span,),
        seen=seen(History.of(OPS), "register", [span]),
        views={node: {"x": (1, "164")} for node in HOSTS},
    )
    screen = Screen(file=io.StringIO(), width=width)
    show(report, screen)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_only_lines_with_a_word_that_does_not_fit_are_wider_than_the_terminal(width: int) -> None:
    for line in printed(width).splitlines():
        assert line == line.rstrip(), "no trailing blanks"
        unbroken = COMMAND.split()[-1] in line
        assert len(line) <= width or unbroken, line


@pytest.mark.parametrize("width", WIDTHS)
def test_paths_commands_names_notes_and_the_exit_code_are_whole(width: int) -> None:
    text = printed(width)
    assert COMMAND in text
    assert f"{COMMAND.split()[-1]}/history.jsonl" in text
    assert text.rstrip().rstrip("━ ").endswith("━━ exit 1")
    for host in HOSTS:
        assert host in text.split("seen")[1].split("search")[0], "in the table of counts"
    words = " ".join(text.split())
    assert NOTES[4] in words
    for edge in CYCLE:
        assert f"─{edge.why}→ #{edge.after}" in text
    for number in range(8):
        assert f"property {number} {'✗' if number % 2 else '✓'} (because of #2)" in words


@pytest.mark.parametrize("width", WIDTHS)
def test_every_operation_has_a_lane_that_ends_in_its_mark(width: int) -> None:
    lanes = [line for line in printed(width).splitlines() if line.startswith("  p100")]
    assert [lane[-1:] for lane in lanes] == ["✓", "n", "✓", "✗"]
    starts = [min(lane.index(char) for char in "├│" if char in lane) for lane in lanes]
    assert starts == sorted(starts), "all on one axis"


def test_who_pipes_a_report_may_say_how_wide_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, width in (("60", 60), ("132", 132), ("", 100), ("0", 100), ("wide", 100)):
        monkeypatch.setenv("COLUMNS", columns)
        assert console().width == width


def lines_of(draw: object, *arguments: object, width: int = 30) -> list[str]:
    screen = Screen(file=io.StringIO(), width=width)
    draw(screen, *arguments)  # type: ignore[operator]
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


def test_text_hangs_under_its_beginning() -> None:
    text = Text("one two three four five six seven")
    assert lines_of(hanging, Text("  label"), text, 10) == ["  label   one two three four", "          five six seven"]
    assert lines_of(hanging, Text("  label"), Text("a\nb", lines=True), 10) == ["  label   a", "          b"]


def test_pieces_are_kept_together() -> None:
    pieces = [Text("n1  265 @164"), Text("n2  268 @165"), Text("n3  1")]
    assert lines_of(filled, Text("Nodes"), pieces, 6, 3) == ["Nodes n1  265 @164", "      n2  268 @165   n3  1"]


def test_a_rule_goes_on_in_the_next_line_and_fills_the_last() -> None:
    assert lines_of(rule, ("valid", "exit 0"), "") == ["━━ valid ━━ exit 0 ━━━━━━━━━━━"]
    assert lines_of(rule, ("a long summary of keys", "0.1 s", "exit 0"), "") == [
        "━━ a long summary of keys",
        "━━ 0.1 s ━━ exit 0 ━━━━━━━━━━━",
    ]


def test_styles_survive_the_layout() -> None:
    screen = Screen(file=io.StringIO(), width=40, force_terminal=True, color_system="truecolor")
    hanging(screen, Text("label", "bold"), Text("text", "bold #e69f00"), 10)
    assert isinstance(screen.file, io.StringIO)
    assert "\x1b[1;38;2;230;159;0mtext" in screen.file.getvalue()


def test_a_story_without_operations_has_counts_too() -> None:
    screen = Screen(file=io.StringIO(), width=60)
    nothing = Verdict("valid", "register", "none", 0, (), 0.0)
    show(replace(Report(nothing, "a file"), seen=seen(History.of([]), "register")), screen)
    assert isinstance(screen.file, io.StringIO)
    assert "no operation was invoked" in screen.file.getvalue()
