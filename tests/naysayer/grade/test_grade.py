"""`naysayer grade` on programs in Python: the same points each time, and one submission spoils no other."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.naysayer.grade.test_sandbox import PYTHON, ROOT

pytestmark = pytest.mark.slow

KIT = Path(__file__).resolve().parents[3] / "targets" / "kits" / "python"

PACK = """
title = "One node"
about = "A register on one node, in memory."

[[test]]
name = "works"
points = 3
workloads = ["register"]
nodes = 1
operations = 40
seeds = 3
succeed = 0.9

[[test]]
name = "pauses"
points = 7
workloads = ["register"]
faults = ["pause", "clients"]
nodes = 1
operations = 40
seeds = 3
hidden = 2
hints = ["Look."]

[[test]]
name = "one write"
points = 2
scenario = "one-write.txt"
"""
SCENARIO = """
# A write, and a read after it.
cluster quorum-kv nodes 1 seed 1 workload register
at 0 c0 writes x 5 at n1
at 50 c1 reads x at n1
verdict
"""
HOST = f"{sys.executable} register.py"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an assignment, and a good submission beside it, from which commands are typed."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "assignment.toml").write_text(PACK)
    (tmp_path / "pack" / "one-write.txt").write_text(SCENARIO)
    submission(tmp_path / "class" / "good")
    monkeypatch.chdir(tmp_path / "class" / "good")
    return tmp_path


def submission(folder: Path, change: tuple[str, str] = ("", "")) -> None:
    folder.mkdir(parents=True)
    shutil.copy(KIT / "naysayer_kit.py", folder)
    (folder / "register.py").write_text((KIT / "register.py").read_text().replace(*change))


def latest(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "results" / "grade-pack" / "latest" / "results.json").read_text())
    return found


def test_a_good_program_gets_all_points_and_a_bad_one_its_reasons(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["grade", str(course / "pack"), "--host", HOST]) == 0
    assert latest(Path())["score"] == 12
    file = Path("register.py")
    file.write_text(file.read_text().replace("self.values[message", "if message['value'] % 5: self.values[message"))
    grades = []
    for _ in range(2):
        assert run(["grade", str(course / "pack"), "--host", HOST]) == 1
        grades.append(latest(Path()))
    for grade in grades:
        for test in grade["tests"]:  # type: ignore[attr-defined]
            test["output"] = test["output"].partition("\n  report")[0]
    assert grades[0]["score"] == grades[1]["score"] == 0
    printed = capsys.readouterr().out
    assert "3 of 3 seeds" in printed
    assert "hint: Look." in printed
    page = Path("results/grade-pack/latest/works")
    assert {one.name for one in page.iterdir()} >= {"report.txt", "report.html", "scenario.txt"}
    assert (page / "scenario.txt").read_text().count(" writes ") <= 2
    assert "invalid: " in (page.parent / "one-write" / "report.txt").read_text()


def test_one_submission_of_a_class_spoils_no_other(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    submission(course / "class" / "exits", ('if message.type == "read"', "import os; os._exit(3)\n        if False"))
    submission(course / "class" / "syntax", ("class Register", "class class Register"))
    build = f"{sys.executable} -m py_compile register.py"
    arguments = ["--all", str(course / "class"), "--host", HOST, "--build", build]
    assert run(["grade", str(course / "pack"), *arguments]) == 1
    table = (Path("results") / "grade-pack" / "latest" / "grades.md").read_text()
    assert "| good | 3 | 7 | 2 | 12 / 12 |  |" in table
    assert "| exits | 0 | 0 | 0 | 0 / 12 |  |" in table
    assert "| syntax | 0 | 0 | 0 | 0 / 12 | it does not compile: " in table


def test_a_program_that_is_no_host_is_a_row_with_the_reason(course: Path) -> None:
    assert run(["grade", str(course / "pack"), "--host", "true"]) == 1
    assert "before its hello" in str(latest(Path())["output"])


@pytest.mark.skipif(not ROOT or PYTHON is None, reason="--secret needs root; and another user the system's Python")
def test_hidden_seeds_count_and_are_not_shown(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = course / "secret"
    secret.write_bytes(os.urandom(32))
    secret.chmod(0o644)
    arguments = ["grade", str(course / "pack"), "--host", f"{PYTHON} register.py", "--secret", str(secret)]
    assert run(arguments) == 3
    assert "chmod 600" in capsys.readouterr().err
    secret.chmod(0o600)
    assert run(arguments) == 0
    assert latest(Path())["extra_data"]["hidden"] is True  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "x", "--bin", "y"], "either --host COMMAND or --bin COMMAND"),
        ([], "either --host COMMAND or --bin COMMAND"),
        (["--bin", "x", "--secret", "s"], "exclude each other"),
        (["--host", "x", "--secret", "none"], "No such file"),
        (["--host", "x", "--all", "none"], "No such file"),
    ],
)
def test_what_cannot_be_graded_is_refused_in_one_sentence(
    course: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["grade", str(course / "pack"), *arguments]) == 3
    assert said in capsys.readouterr().err


def test_the_assignments_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["grade"]) == 0
    assert capsys.readouterr().out.count("Assignment") == 5
