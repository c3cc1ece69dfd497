"""What a hunt stores and reports: the minimised run, which checks and replays the same, also when it is interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from checker.verdict import Explanation, Part, Verdict
from naysayer.cli import run
from naysayer.hunt.campaign import Hunt, attempt, run_campaign
from naysayer.hunt.failure import failed_ms
from naysayer.hunt.finding import Failure, changed, reproduce
from naysayer.hunt.shrink import SIGHT, shrink
from naysayer.judge import judge_run
from naysayer.plan import Plan
from naysayer.play import notation, timed
from naysayer.recorder import Recorder
from naysayer.signals import StopRequest
from naysayer.simulate import Run
from targets.backends.simulator.network import MS
from workloads.generator import Invocation
from workloads.registry import find as find_workload

BROKEN = "quorum-kv/local-counter-version"


def _failing(name: str) -> Plan:
    failed = attempt(Hunt(name), range(1, 301)).failed
    assert failed is not None
    return failed


@pytest.mark.slow
def test_what_is_reported_is_stored_checks_the_same_and_replays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["hunt", BROKEN, "--seeds", "40", "--results", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "Minimised from" in printed
    assert f"✗ {BROKEN}: seed" in printed
    target = tmp_path / BROKEN.replace("/", ".")
    folder = (target / "latest").resolve()
    files = {file.name for file in folder.iterdir()}
    assert files == {
        *("history.jsonl", "verdict.json", "report.txt", "report.html", "test.toml"),
        *("scenario.txt", "diagram.txt", "diagram.svg", "original"),
    }
    assert (folder / "report.txt").read_text().strip() in printed
    assert (folder / "diagram.txt").read_text().partition("\n\n  time ms")[0] in printed
    assert run(["play", str(folder / "scenario.txt")]) == 0
    capsys.readouterr()
    _the_stored_history_is_the_minimised_one(folder, capsys)
    assert run(["replay", str(target)]) == 1, "the folder of a target stands for its latest run"
    assert "the history is identical" in capsys.readouterr().out
    assert run(["replay", str(folder / "original")]) == 1
    assert "the history is identical" in capsys.readouterr().out


def _the_stored_history_is_the_minimised_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = notation.read(folder / "scenario.txt")
    again = BytesIO()
    _, verdict = timed.play(scenario, Recorder(again))
    assert (folder / "history.jsonl").read_bytes() == again.getvalue()
    stored = json.loads((folder / "verdict.json").read_text())
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    sentence = verdict.worst.explanation.sentence
    assert (stored["outcome"], stored["not_valid"][0]["explanation"]["sentence"]) == ("invalid", sentence)
    assert " ".join(sentence.split()) in " ".join((folder / "report.txt").read_text().split())
    if verdict.method not in SIGHT:
        model = find_workload(scenario.workload).model
        capsys.readouterr()
        assert run(["check", str(folder / "history.jsonl"), "--model", model]) == 1
        assert " ".join(sentence.split()) in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["wal-kv/torn-batch", "generation-clock/no-fencing", "raft-log/log-unsynced", "paxos-kv/ballot-collision"],
)
def test_a_hunt_stores_what_it_reports_whatever_fails(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What clients see, a broken invariant, and a violation that takes elections."""
    assert run(["hunt", name, "--results", str(tmp_path)]) == 1
    folder = next(tmp_path.iterdir()) / "latest"
    _the_stored_history_is_the_minimised_one(folder, capsys)
    assert run(["replay", str(folder)]) == 1
    assert "the history is identical" in capsys.readouterr().out


@pytest.mark.slow
def test_minimising_waits_for_the_answer_of_a_failed_write_that_was_read() -> None:
    """It fails some 700 ms after the read that proves it: until then the outcome of the write is unknown."""
    nemesis = ("one-way", "isolate-leader")
    plan = Plan("quorum-kv/timeout-is-fail", "register", nemesis, 3, 12, 183, 200, think_ms=0.5, timeout_ms=1000.0)
    found, _ = reproduce(plan)
    smaller = shrink(found)
    assert (len(smaller.scenario.operations), len(smaller.scenario.faults)) == (2, 1)
    assert smaller.runs < 400


def test_a_run_is_a_violation_from_the_answer_on_that_makes_it_one() -> None:
    recorder, write, read = Recorder(), Invocation("write", "x", 1, "n1"), Invocation("read", "x", None, "n2")
    recorder.invoked(0, write, "n1", 0)
    recorder.invoked(1, read, "n2", 10 * MS)
    recorder.completed(1, read, "ok", 1, None, 20 * MS)
    recorder.invoked(1, read, "n2", 30 * MS)
    recorder.completed(1, read, "ok", 1, None, 40 * MS)
    recorder.completed(0, write, "fail", None, "no majority", 50 * MS)
    recorder.invoked(0, read, "n2", 60 * MS)
    recorder.completed(0, read, "ok", 1, None, 70 * MS)
    happened = Run(recorder, [], [], True, 0, 100.0, 100.0)
    verdict = judge_run(happened, "register", weaker=False)
    assert verdict.outcome == "invalid"
    assert failed_ms(happened, verdict, "register", steps=10_000) == 50.0


@pytest.mark.slow
def test_what_is_left_when_minimising_is_interrupted_still_fails() -> None:
    found, _ = reproduce(_failing("raft-log/no-session-dedup"))
    smaller = shrink(found, lambda smallest: smallest.runs < 10)
    assert smaller.cut == "minimising was interrupted"
    assert smaller.runs == 10
    assert timed.play(smaller.scenario, weaker=False)[1].outcome == "invalid"
    at_once = shrink(found, lambda smallest: False)
    assert (at_once.scenario, at_once.cut) == (found, "minimising was interrupted")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_request_to_stop_and_its_handler_goes_again(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.made
        signal.raise_signal(number)
        assert stop.made
    assert signal.getsignal(number) is before


@pytest.mark.slow
def test_a_signal_while_minimising_reports_the_failure(tmp_path: Path) -> None:
    name = "raft-log/term-volatile"  # whose minimising takes many seconds
    process = subprocess.Popen(
        [sys.executable, "-m", "naysayer", "hunt", name, "--results", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    kept = tmp_path / name.replace("/", ".") / "latest" / "original" / "report.txt"
    while process.poll() is None and not kept.exists():
        os.sched_yield()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "")
    assert "minimising was interrupted" in out
    assert f"✗ {name}: seed" in out
    folder = kept.parent.parent
    assert json.loads((folder / "verdict.json").read_text())["outcome"] == "invalid"
    assert timed.play(notation.read(folder / "scenario.txt"), weaker=False)[1].outcome == "invalid"


def test_a_campaign_that_is_stopped_is_no_clean_result(tmp_path: Path) -> None:
    stopped = run_campaign(Hunt("quorum-kv", operations=20), "processes", 1, lambda done: False)
    assert (stopped.plan, stopped.seeds, stopped.stopped) == (None, 0, True)


def test_a_failure_of_another_kind_than_before_is_named_with_both() -> None:
    def failure(kind: str) -> Failure:
        part = Part(None, "invalid", "zones", 1, explanation=Explanation(kind, f"A {kind}."))
        return Failure(Run(Recorder(), [], [], True, 0, 1.0, 1.0), Verdict("invalid", "kv", "zones", 1, (part,), 0.0))

    assert changed(failure("stale-read"), failure("stale-read")) is None
    said = changed(failure("stale-read"), failure("lost-write"))
    assert said == "lost write; before minimising it was stale read: A stale-read."


@pytest.mark.slow
def test_a_hunt_without_a_terminal_prints_lines_of_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("naysayer.report.console.PLAIN_S", 0.0)
    assert run(["hunt", BROKEN, "--seeds", "40", "--results", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert re.search(rf"^ *\d+ s  hunting {BROKEN}: \d+ of 40 seeds$", printed, re.MULTILINE)
    assert re.search(
        r"^ *\d+ s  seed \d+ fails; minimising it, .*: \d+ operations and \d+ faults", printed, re.MULTILINE
    )
