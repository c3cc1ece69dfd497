"""`naysayer play`: scenarios by name or by file, compared with their expected output, rewritten on demand."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from naysayer.cli import run
from naysayer.play.language import AGAIN, AT, CLUSTER, FORMS, TIMED
from naysayer.play.shipped import shipped

ROOT = Path(__file__).resolve().parents[2]
STEPS = "cluster quorum-kv nodes 3\nalice writes x 1 at n1\nbob reads x at n2\nverdict\n"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "mine.txt"
    path.write_text(STEPS)
    return path


def test_without_a_name_the_shipped_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play"]) == 0
    listed = capsys.readouterr().out
    assert [name for name in shipped() if name not in listed] == []


def test_a_shipped_scenario_is_played_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "non-monotonic-read"]) == 0
    out = capsys.readouterr().out
    assert "invalid: Stale read: #4 returned 0" in out
    assert out.endswith("non-monotonic-read: as expected\n")


def test_rewrite_writes_the_output_which_is_then_expected(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", str(scenario), "--rewrite"]) == 0
    written = scenario.read_text()
    assert "    #2 bob at n2: read x -> 1" in written
    assert [line for line in written.splitlines() if line[0] != " "] == STEPS.splitlines()
    assert run(["play", str(scenario)]) == 0
    scenario.write_text(written.replace("read x -> 1", "read x -> 2"))
    capsys.readouterr()
    assert run(["play", str(scenario)]) == 1
    out = capsys.readouterr().out
    assert "NOT as expected" in out
    assert "-    #2 bob at n2: read x -> 2" in out
    assert "+    #2 bob at n2: read x -> 1" in out


def test_a_scenario_without_output_is_judged_by_its_verdicts(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["play", str(scenario)]) == 0
    assert "no expected output yet (valid)" in capsys.readouterr().out
    scenario.write_text(STEPS.replace("verdict\n", ""))
    assert run(["play", str(scenario)]) == 2
    assert "no verdict" in capsys.readouterr().out
    stale = "cut n3 - n1 ; cut n3 - n2\nalice writes x 2 at n1\nbob reads x at n3\nverdict\n"
    scenario.write_text(STEPS.replace("quorum-kv", "quorum-kv/read-one").replace("verdict\n", stale))
    assert run(["play", str(scenario)]) == 1


def test_one_scenario_that_differs_is_enough_for_exit_code_1(scenario: Path) -> None:
    scenario.write_text(STEPS + "    invalid\n")
    assert run(["play", "torn-tail", str(scenario)]) == 1


def test_json_and_junit_say_what_each_scenario_has_come_to(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario.write_text(STEPS + "    invalid\n")
    file = tmp_path / "junit.xml"
    assert run(["play", "torn-tail", str(scenario), "--junit", str(file), "--json"]) == 1
    built = json.loads(capsys.readouterr().out)
    assert (built["command"], built["outcome"], built["verdict"]) == ("play", "invalid", None)
    assert built["sentence"] == "mine: the output is not as expected"
    assert [(one["name"], one["outcome"], one["as_expected"]) for one in built["scenarios"]] == [
        ("torn-tail", "valid", True),
        ("mine", "invalid", False),
    ]
    assert "-    invalid" in built["scenarios"][1]["difference"]
    suite = next(ElementTree.parse(file).getroot().iter("testsuite"))
    assert [(case.attrib["name"], [one.tag for one in case]) for case in suite] == [
        ("torn-tail", []),
        ("mine", ["failure"]),
    ]
    scenario.write_text(STEPS.replace("verdict\n", ""))
    assert run(["play", str(scenario), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["outcome"] == "unknown"
    assert run(["play", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"].startswith("--json and --junit need a scenario")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("figure-9", "there is no scenario 'figure-9': did you mean figure-8?"),
        ("nowhere/mine.txt", "nowhere/mine.txt: no such file"),
        ("bad", "bad:2: no such step: 'alice thinks'"),
        ("figure-8 --rewrite", "--rewrite needs a file: figure-8 is a scenario that comes with Naysayer"),
    ],
)
def test_what_cannot_be_played_ends_with_exit_code_3(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad").write_text("cluster quorum-kv nodes 3\nalice thinks\n")
    assert run(["play", *name.split()]) == 3
    assert said in capsys.readouterr().err


def test_the_documentation_has_every_step_with_its_meaning() -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text()
    usages = {form.usage.replace("|", "\\|"): form.meaning for form in (CLUSTER, *FORMS, AGAIN, AT, *TIMED)}
    assert [usage for usage, meaning in usages.items() if f"| `{usage}` | {meaning} |" not in page] == []
