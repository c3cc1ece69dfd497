"""Maelstrom's exercises from the command line: an honest node is in order under faults, its broken twin is caught."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from naysayer.cli import run

pytestmark = pytest.mark.slow

NODE = Path(__file__).resolve().parents[1] / "targets" / "stdio_nodes" / "maelstrom.py"


@pytest.fixture(autouse=True)
def _given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing for so long is missing for good: the honest nodes tell each other all ten times a second."""
    monkeypatch.setattr("naysayer.harness.convergence.STILL_S_MAX", 2.0)


def play(workload: str, fault: str, results: Path, nemesis: str, time: str = "2s") -> int:
    command = f"{sys.executable} {NODE} {workload} {fault}".strip()
    bounds = ["--nodes", "3", "--time", time, "--seed", "3", "--results", str(results)]
    return run(["test", "--bin", command, "--workload", workload, "--nemesis", nemesis, *bounds])


def judged_again(workload: str, results: Path) -> int:
    """The exit code of the command that the report ends on."""
    (history,) = results.glob("*/latest/history.jsonl")
    return run(["check", str(history), "--model", workload])


@pytest.mark.parametrize(
    "workload",
    ["broadcast", "g-set", "g-counter", "pn-counter", "txn-list-append", "txn-rw-register", "kafka"],
)
def test_an_honest_node_is_in_order_under_partitions_and_kills(workload: str, tmp_path: Path) -> None:
    assert play(workload, "", tmp_path, "partition,kill") == 0
    assert judged_again(workload, tmp_path) == 0


@pytest.mark.parametrize(
    ("workload", "fault", "said"),
    [
        ("broadcast", "silent", "Lost write: the final read"),
        ("g-set", "silent", "Lost write: the final read"),
        ("g-counter", "adds", "Wrong count"),
        ("pn-counter", "adds", "Wrong count"),
        ("txn-list-append", "blind", "Not serializable|Incompatible order|Phantom"),
        ("txn-rw-register", "blind", "Lost update|skew|out of order"),
        ("kafka", "blind", "Two messages at one offset|Lost message"),
        ("kafka", "skips", "Lost message"),
    ],
)
def test_a_broken_twin_is_caught_with_a_sentence(
    workload: str, fault: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(workload, fault, tmp_path, "partition") == 1
    assert judged_again(workload, tmp_path) == 1
    printed = capsys.readouterr().out
    assert re.search(said, printed), printed
    assert "LINEARIZABLE" not in printed, "another promise was judged"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize("workload", ["echo", "unique-ids", "lin-kv"])
def test_a_node_in_another_language_is_run_by_its_first_line(workload: str, tmp_path: Path) -> None:
    bounds = ["--time", "2s", "--nemesis", "kill,pause", "--results", str(tmp_path)]
    assert run(["test", "--bin", str(NODE.with_name("store.sh")), "--workload", workload, *bounds]) == 0
    verdict = json.loads(next(tmp_path.glob("*/latest/verdict.json")).read_text())
    assert verdict["outcomes"]["ok"] > 20
    assert {fault["shown"] for fault in verdict["faults"]} == {True}


EFFECTS = {
    "partition": ["cut, .*lost"],
    "one-way": ["cut, .*lost"],
    "delay": ["degrade, .*late"],
    "loss": ["degrade, .*lost"],
    "duplicate": ["degrade, .*duplicated"],
    "reorder": ["degrade, .*held back"],
    "kill": ["kill, .*ended by signal 9", "restart, .*answers again"],
    "pause": ["pause, .*in state T", "resume, .*in state [^Tt]"],
}


@pytest.mark.parametrize("nemesis", EFFECTS)
def test_what_a_fault_did_is_in_the_report(nemesis: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("g-set", "", tmp_path, nemesis, "4s") == 0
    shown = [" ".join(row.split()) for row in re.split(r"\n  (?=\w)", capsys.readouterr().out)]
    for effect in EFFECTS[nemesis]:
        assert any(re.match(rf"shown \d+ × {effect}", row) for row in shown), shown
