"""Maelstrom's exercises from the command line: an honest node is in order under faults, its broken twin is caught."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from naysayer.cli import run

NODE = Path(__file__).resolve().parents[1] / "targets" / "stdio_nodes" / "maelstrom.py"


@pytest.fixture(autouse=True)
def _given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing for so long is missing for good: the honest nodes tell each other all ten times a second."""
    monkeypatch.setattr("naysayer.settle.STILL_S_MAX", 2.0)


def play(workload: str, fault: str, results: Path, nemesis: str) -> int:
    command = f"{sys.executable} {NODE} {workload} {fault}".strip()
    bounds = ["--nodes", "3", "--time", "2s", "--seed", "3", "--results", str(results)]
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
        ("broadcast", "silent", "Lost: the final read"),
        ("g-set", "silent", "Lost: the final read"),
        ("g-counter", "adds", "Wrong count"),
        ("pn-counter", "adds", "Wrong count"),
        ("txn-list-append", "blind", "Not serializable|No one order|Phantom"),
        ("txn-rw-register", "blind", "Not serializable"),
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
