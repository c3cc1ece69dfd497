"""`naysayer init` for nodes in the languages of the kits, and for assignments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from naysayer.cli import run
from naysayer.commands.init_node import LANGUAGES
from naysayer.grade.pack import packs
from tests.systems import needs, without


@pytest.mark.slow
def test_the_python_node_is_valid_alone_and_caught_as_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "--node", "--lang", "python"]) == 0
    printed = capsys.readouterr().out
    assert "  cd my-node\n" in printed
    assert 'naysayer test --host "python3 register.py" --nodes 1 --nemesis none' in printed
    monkeypatch.chdir(tmp_path / "my-node")
    host = ["test", "--host", f"{sys.executable} register.py", "--ops", "100", "--nemesis", "none"]
    assert run([*host, "--nodes", "1"]) == 0
    assert run([*host, "--nodes", "3"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_and_assignment_has_all_its_files(lang: str, tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "node"), "--node", "--lang", lang]) == 0
    for name in packs():
        assert run(["init", str(tmp_path / name), "--assignment", name, "--lang", lang]) == 0
        first = (tmp_path / name / "first-test.txt").read_text()
        assert 'cluster "host:' in first
        assert "{" not in first


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "naysayer_kit.py").write_text("mine")
    assert run(["init", str(tmp_path), "--node", "--lang", "python"]) == 3
    assert "naysayer_kit.py is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["naysayer_kit.py"]
    assert (tmp_path / "naysayer_kit.py").read_text() == "mine"


def test_assignments_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--assignment"]) == 0
    printed = capsys.readouterr().out
    assert [name for name in packs() if name not in printed] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lang", "java"], "give --node or --assignment NAME too"),
        (["--node", "--lang", "cobol"], "there is no language 'cobol'"),
        (["--assignment", "quorum-stor"], "did you mean quorum-store?"),
        (["--assignment", "quorum-store", "--node"], "exclude each other"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", *arguments]) == 3
    assert said in capsys.readouterr().err


JAVA = needs(without("java", "javac"))


@pytest.mark.parametrize("name", [pytest.param(name, marks=JAVA) for name in packs()])
def test_the_first_test_of_a_java_skeleton_fails_by_a_violation(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["init", str(tmp_path), "--assignment", name, "--lang", "java"]) == 0
    monkeypatch.chdir(tmp_path)
    sources = sorted(tmp_path.glob("*.java"))
    subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", "build", *sources], check=True, timeout=120)
    assert run(["play", "first-test.txt"]) == 1
