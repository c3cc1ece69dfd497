"""Nothing that a system, a file or a node says reaches the terminal raw; what may not be shown is seen as an escape."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.live import Live
from rich.table import Table

from checker.history import Operation
from checker.verdict import Explanation, Part, Verdict
from naysayer.cli import run
from naysayer.fault_spans import FaultSpan
from naysayer.printable import printable
from naysayer.report.console import Screen, Text, as_text
from naysayer.report.report import Report
from naysayer.report.terminal import show
from naysayer.serving import Account

EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\u202eRLO\u2066\r\x08\x7f\x00\ud800\u2028[bold red]no[/]\ttab"
SEEN = r"\x1b[2J\x1b]0;title\x07\x9b31m\u202eRLO\u2066\r\b\x7f\x00\ud800\u2028[bold red]no[/]" + r"\ttab"


def raw(text: str) -> set[str]:
    """The characters of a text that may not be printed."""
    return {char for char in text if not char.isprintable() and char != "\n"}


def test_what_is_not_printable_is_an_escape_and_all_else_stays() -> None:
    assert printable(EVIL) == SEEN
    assert printable("plain, ✗ ├─┤ 値 é") == "plain, ✗ ├─┤ 値 é"
    assert printable("a\nb") == r"a\nb"
    assert printable("a\nb", lines=True) == "a\nb"
    assert printable("\U000e0041\u00a0") == r"\U000e0041\xa0"


def drawn(draw: Text | str | Table) -> str:
    return as_text(lambda screen: screen.print(draw, soft_wrap=True))


def test_every_way_to_print_something_escapes() -> None:
    table = Table()
    table.add_column(EVIL)
    table.add_row(EVIL)
    for one in (EVIL, Text(EVIL), Text("x").append(EVIL), table):
        printed = drawn(one)
        assert not raw(printed), printed
        assert r"\x1b[2J\x1b]0;title\x07\x9b31m" in printed.replace("\n", ""), printed
        assert "[bold red]no[/]" in printed.replace("\n", ""), "markup is not interpreted"


def test_what_moves_the_cursor_of_a_terminal_is_not_escaped() -> None:
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, width=80)
    with Live(Text("first"), console=screen, auto_refresh=False, transient=True) as live:
        live.update(Text(EVIL), refresh=True)
    assert "\x1b[1A" in out.getvalue() or "\x1b[2K" in out.getvalue()
    assert "\x1b]0;" not in out.getvalue()
    assert "\x9b" not in out.getvalue()


def report() -> Report:
    """One with evil in every place that a user's system can fill."""
    ops = (
        Operation(0, EVIL, "write", EVIL, EVIL, None, 0, 10, node=EVIL),
        Operation(1, 2, "read", EVIL, None, EVIL + "\n━━ ✓ LINEARIZABLE", 20, 30, node=EVIL, error=EVIL),
    )
    notes = {0: EVIL, 1: EVIL}
    explanation = Explanation("stale-read", f"Stale read: {EVIL}", culprit=1, notes=notes)
    part = Part(EVIL, "invalid", "zones", 2, counterexample=ops, explanation=explanation)
    verdict = Verdict("invalid", "register", "zones", 2, (part,), 0.1, warnings=(EVIL,))
    return Report(
        verdict,
        EVIL,
        facts=(("remark", EVIL),),
        ends=(("again", EVIL),),
        spans=(FaultSpan(EVIL, 0.0, 1.0),),
        views={EVIL: {"kv": EVIL}},
        served=(Account(1, EVIL, EVIL),),
        unproven=(EVIL,),
        trouble=f"{EVIL}\n━━ ✓ LINEARIZABLE ━━",
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_report_shows_escapes_wherever_evil_stands(width: int) -> None:
    out = io.StringIO()
    show(report(), Screen(file=out, width=width))
    assert not raw(out.getvalue())
    lines = out.getvalue().splitlines()
    assert not any(line.lstrip("━ ").startswith("✓ LINEARIZABLE") and line.startswith("━") for line in lines)
    assert not raw(as_text(lambda screen: show(report(), screen)))


def test_values_names_and_errors_of_a_foreign_file_are_escaped_on_both_streams(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = EVIL.replace("\ud800", "").replace("\x00", "")
    lines = [
        {"type": "invoke", "process": 0, "f": "write", "key": evil, "input": evil, "node": evil, "time": 0},
        {"type": "ok", "process": 0, "f": "write", "key": evil, "time": 10},
        {"type": "invoke", "process": 1, "f": "read", "key": evil, "node": evil, "time": 20},
        {"type": "ok", "process": 1, "f": "read", "key": evil, "output": "other" + evil, "time": 30},
    ]
    file = tmp_path / "\x1b[2Jhistory\u202e.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run(["check", str(file), "--model", "kv"]) == 1
    printed = capsys.readouterr().out
    assert not raw(printed)
    assert r"\x1b[2Jhistory\u202e" in printed.replace("\n", "").replace(" ", "")
    assert run(["check", str(tmp_path / "\x1b[2Jmissing\u202e.jsonl")]) == 3
    said = capsys.readouterr().err
    assert not raw(said)
    assert r"\x1b[2Jmissing\u202e.jsonl" in said


def test_no_file_but_console_makes_text_or_consoles_of_rich_itself() -> None:
    root = Path(__file__).resolve().parents[2] / "naysayer"
    for file in root.rglob("*.py"):
        source = file.read_text()
        if file.name != "console.py":
            assert "from rich.text import Text\n" not in source, file
            assert " Console(" not in source, file


def test_the_json_document_holds_exact_data_in_characters_that_may_be_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "\x1b[2J\x9b31m\u202eR\x7f\U000e0041"
    lines = [
        {"type": "invoke", "process": 0, "f": "read", "key": key, "time": 20},
        {"type": "ok", "process": 0, "f": "read", "key": key, "output": key, "time": 30},
    ]
    file = tmp_path / "history.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run(["check", str(file), "--model", "kv", "--json"]) == 1
    printed = capsys.readouterr().out
    assert not raw(printed)
    assert json.loads(printed)["verdict"]["not_valid"][0]["key"] == key
