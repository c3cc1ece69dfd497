"""`naysayer check --follow`: a history is judged while it is being written, and the first violation ends it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from naysayer.cli import run

WRITTEN = [
    {"type": "invoke", "process": 0, "f": "write", "key": "x", "input": 1, "time": 1000},
    {"type": "ok", "process": 0, "time": 2000},
    {"type": "nemesis", "f": "cut", "time": 2500},
    {"type": "invoke", "process": 0, "f": "write", "key": "x", "input": 2, "time": 3000},
    {"type": "ok", "process": 0, "time": 4000},
]
STALE = [
    {"type": "invoke", "process": 1, "f": "read", "key": "x", "time": 5000},
    {"type": "ok", "process": 1, "output": 1, "time": 6000},
    {"type": "invoke", "process": 1, "f": "read", "key": "x", "time": 7000},
]


def lines(events: list[dict[str, object]]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def test_a_violation_in_the_file_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("history.jsonl").write_text(lines(WRITTEN + STALE))
    assert run(["check", "--follow", "history.jsonl"]) == 1
    said = capsys.readouterr().out
    assert "Stale read: #2 returned 1, though #1 had already written 2 and finished." in said
    assert "followed as jsonl-events · judged as kv" in said
    assert "MB: 1 open operation, 1 key" in said
    assert "naysayer check history.jsonl --model kv" in said


@pytest.mark.slow
def test_what_is_written_later_is_judged_while_the_writer_goes_on(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    with history.open("w") as writer:
        writer.write(lines(WRITTEN))
        writer.flush()
        command = [sys.executable, "-m", "naysayer", "check", "--follow", str(history), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            writer.write(lines(STALE))
            writer.flush()
            said, _ = process.communicate(timeout=120)
    verdict = json.loads(said)
    assert (process.returncode, verdict["outcome"]) == (1, "invalid")
    assert [op["index"] for op in verdict["verdict"]["not_valid"][0]["counterexample"]] == [0, 1, 2]


def test_transactions_are_judged_at_a_level_as_they_come(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    begun: list[dict[str, object]] = [
        {"type": "invoke", "process": n, "f": "txn", "input": [["r", "xy"[n], None], ["w", "yx"[n], 1]], "time": n}
        for n in (0, 1)
    ]
    ended: list[dict[str, object]] = [
        {"type": "ok", "process": n, "output": [["r", "xy"[n], None], ["w", "yx"[n], 1]], "time": 5 + n} for n in (0, 1)
    ]
    Path("history.jsonl").write_text(lines(begun + ended))
    assert run(["check", "--follow", "history.jsonl"]) == 1
    said = capsys.readouterr().out
    assert "Not serializable: a write skew (G2-item)." in said
    assert "naysayer check history.jsonl --model serializable" in said
    piped = [sys.executable, "-m", "naysayer", "check", "--follow", "-", "--model", "snapshot-isolation"]
    done = subprocess.run(piped, input=lines(begun + ended), capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[2]) == (0, "SNAPSHOT-ISOLATION"), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (lines(WRITTEN), 0, "LINEARIZABLE"),
        (lines(WRITTEN) + lines(STALE[:1])[:30], 0, "the last line is cut off"),
        (lines(WRITTEN[:1]), 2, "no operation succeeded"),
        ("", 2, "no event came"),
        (lines(WRITTEN) + "nonsense\n", 3, "line 6 (nonsense)"),
        (lines([{"type": "invoke", "process": 0, "f": "jump"}]), 3, "name it with --model"),
    ],
    ids=["valid", "cut off", "nothing succeeded", "nothing", "nonsense", "unknown operation"],
)
def test_the_end_of_stdin_ends_it(content: str, code: int, said: str) -> None:
    command = [sys.executable, "-m", "naysayer", "check", "--follow", "-"]
    done = subprocess.run(command, input=content, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


def test_options_that_mean_nothing_here_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, said in (
        (["--certify"], "--follow and --certify exclude each other"),
        (["--format", "edn"], "--follow reads jsonl-events, not edn"),
    ):
        assert run(["check", "--follow", str(tmp_path / "x"), *options]) == 3
        assert said in capsys.readouterr().err
    assert run(["check", "--follow", str(tmp_path / "x")]) == 3
    assert "x: No such file or directory" in capsys.readouterr().err
