"""Targets, workloads, fault schedules and models in files of the user's, as in examples/bank, and what can be wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.naysayer.test_examples import EXAMPLES

pytestmark = pytest.mark.slow  # each starts a run, some of them processes


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example, and the folder that commands are typed in."""
    shutil.copytree(EXAMPLES / "bank", tmp_path / "bank")
    shutil.copy(EXAMPLES / "bank_account.py", tmp_path)
    monkeypatch.chdir(tmp_path / "bank")
    return tmp_path / "bank"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["target.py:BANK", "--ops", "300"], 0),
        (["target.py:BANK", "--workload", "workload.py:TRANSFERS", "--ops", "300"], 0),
        (["target.py:HASTY", "--nemesis", "faults.py:BLACKOUT,clock", "--ops", "500"], 1),
        (["target.py:HASTY", "--nemesis", "faults.py:DRILL", "--ops", "500"], 1),
    ],
)
def test_parts_of_ones_own_are_taken_wherever_a_name_is(bank: Path, arguments: list[str], code: int) -> None:
    assert run(["test", *arguments]) == code


def test_a_hunt_of_ones_own_target_is_minimised_and_played_again(
    bank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["hunt", "target.py:HASTY", "--nemesis", "faults.py:DRILL", "--seeds", "60"]) == 1
    folder = bank / "results" / "target.py.HASTY" / "latest"
    scenario = (folder / "scenario.txt").read_text()
    assert "cluster target.py:HASTY nodes 1" in scenario
    assert "workload workload.py:TRANSFERS" in scenario
    assert scenario.count(" invokes ") <= 3
    assert run(["play", str(folder / "scenario.txt")]) == 0
    assert run(["replay", str(folder)]) == 1
    assert "the history is identical" in capsys.readouterr().out


def test_a_target_of_ones_own_runs_as_processes_too(bank: Path) -> None:
    assert run(["test", "target.py:BANK", "--live", "--time", "1s", "--nemesis", "none"]) == 0


@pytest.mark.parametrize(
    ("file", "change", "arguments", "said"),
    [
        ("target.py", "", ["target.py:BANKS"], "defines no Target BANKS; it has BANK, HASTY"),
        ("target.py", "", ["targets.py:BANK"], "there is no Python file targets.py"),
        ("target.py", "raise OSError('no bank')", ["target.py:BANK"], "target.py raised OSError in line"),
        ("workload.py", "", ["target.py:BANK", "--workload", "workload.py:Transfers"], "it has TRANSFERS"),
        (
            "workload.py",
            "Transfers.next = lambda self, turn: self.nothing",
            ["target.py:BANK"],
            "this is not a verdict",
        ),
        (
            "faults.py",
            "BLACKOUT = replace(BLACKOUT, begin=lambda situation: situation.nothing)",
            ["target.py:BANK", "--nemesis", "faults.py:BLACKOUT"],
            "this is not a verdict",
        ),
        ("faults.py", "", ["target.py:BANK", "--nemesis", "faults.py:DRILL,kill"], "is a whole schedule"),
        ("faults.py", "", ["target.py:BANK", "--nemesis", "faults.py:Kill"], "defines no FaultKind or schedule Kill"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence_with_its_place(
    bank: Path, file: str, change: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    written = bank / file
    written.write_text(written.read_text() + f"\nfrom dataclasses import replace\n{change}\n")
    for command in ("test", "hunt"):
        assert run([command, *arguments, *(["--seeds", "4"] if command == "hunt" else [])]) == 3
        told = capsys.readouterr().err
        assert said in told
        assert len(told.strip().splitlines()) == 1
        assert not change or "line" in told
