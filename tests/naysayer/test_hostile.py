"""Binaries that mean it ill, from the command line: a clear end, the node named, the history kept, nothing left."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from naysayer.cli import run

pytestmark = pytest.mark.slow

NODE = Path(__file__).resolve().parents[1] / "targets" / "stdio_nodes" / "hostile.py"


def play(fault: str, results: Path, token: str) -> tuple[int, int]:
    """The exit code and how many events of the history were kept; `token` marks the processes."""
    os.environ["NAYSAYER_TEST_TOKEN"] = token
    try:
        command = f"{sys.executable} {NODE} {fault}"
        bounds = ["--nodes", "1", "--clients", "2", "--time", "1.2s", "--nemesis", "none", "--results", str(results)]
        code = run(["test", "--bin", command, "--workload", "echo", *bounds])
    finally:
        del os.environ["NAYSAYER_TEST_TOKEN"]
    (history,) = results.glob("*/latest/history.jsonl")
    return code, len(history.read_text().splitlines())


def left(token: str) -> list[str]:
    """The processes with this token in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if token.encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("garbage", "node n0 printed a line that is not a message"),
        ("brackets", "node n0 printed a line that is not a message"),
        ("gigabyte", "node n0 printed more than 8 MiB without a line's end"),
        ("floods", "node n0 sent a message to n9, which is not a node, client or service here"),
        ("startless", "node n0 exited with code 1"),
        ("dumb", "node n0 closed its stdout"),
    ],
)
def test_a_breach_ends_the_run_with_the_node_and_what_it_did(
    fault: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, events = play(fault, tmp_path, f"hostile-{fault}-{os.getpid()}")
    assert code == 3
    assert events > 0 or fault == "startless"
    assert left(f"hostile-{fault}-{os.getpid()}") == []
    printed = capsys.readouterr().out
    assert said in " ".join(printed.split())
    assert len(printed) < 5_000
    assert fault != "startless" or "no configuration" in printed


def test_a_node_that_exits_without_a_fault_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = f"hostile-crash-{os.getpid()}"
    code, events = play("crash", tmp_path, token)
    printed = " ".join(capsys.readouterr().out.split())
    assert code == 1
    assert "NODE DIED" in printed
    assert "Node n0 died though no fault was in force: it exited with code 1; its stderr ends:" in printed
    assert "index out of range" in printed
    assert events > 0, "the history is judged too"
    verdict = json.loads(next(tmp_path.glob("*/latest/verdict.json")).read_text())
    assert [one["kind"] for one in verdict["findings"]] == ["node-died"]
    assert left(token) == []


@pytest.mark.parametrize("fault", ["mute", "late", "deaf"])
def test_answers_that_do_not_come_are_unknown_outcomes_and_the_node_is_named(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("naysayer.real_time.RECOVERY_MS_MAX", 2000.0)
    monkeypatch.setattr("naysayer.real_time.PATIENT_MS", 1000.0)
    code, events = play(fault, tmp_path, f"hostile-{fault}-{os.getpid()}")
    verdict = json.loads(next(tmp_path.glob("*/latest/verdict.json")).read_text())
    assert verdict["outcomes"]["info"] > 0
    expected = 0 if verdict["outcomes"]["ok"] else 2
    assert code == (expected if fault == "late" else 1), "that stops answering, and does not start again"
    assert events > 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "node n0 was slow" in printed or "node n0 never answered" in printed
    assert f"its stderr ends: I shall play {fault}" in printed
    assert left(f"hostile-{fault}-{os.getpid()}") == []


def test_a_log_that_had_to_be_cut_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("naysayer.real_time.RECOVERY_MS_MAX", 2000.0)
    monkeypatch.setattr("naysayer.real_time.PATIENT_MS", 1000.0)
    monkeypatch.setattr("targets.backends.processes.processes.LOG_BYTES_MAX", 1 << 20)
    code, events = play("shouts", tmp_path, f"hostile-shouts-{os.getpid()}")
    assert code == 1, "it answers nothing"
    assert events > 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "node n0 was slow" in printed or "node n0 never answered" in printed
    assert "the log of n0 grew beyond 1 MiB, and only its end was kept" in printed
    verdict = json.loads(next(tmp_path.glob("*/latest/verdict.json")).read_text())
    assert verdict["outcomes"]["info"] > 0
    assert sum("the log of n0" in what for what in verdict["remarks"]) == 1
    assert left(f"hostile-shouts-{os.getpid()}") == []


def test_a_node_that_ignores_sigterm_is_gone_after_the_run(tmp_path: Path) -> None:
    assert play("stubborn", tmp_path, f"hostile-stubborn-{os.getpid()}")[0] == 0
    assert left(f"hostile-stubborn-{os.getpid()}") == []
