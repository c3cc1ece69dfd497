"""Where pages come from: every run leaves one, `check --html` writes one, `report` makes one anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from naysayer.cli import run
from naysayer.results import open_folder
from tests.naysayer.page.unpacked import unpacked

ARGUMENTS = ["test", "quorum-kv/no-read-repair", "--ops", "600", "--seed", "1", "--results"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    assert run([*ARGUMENTS, str(results)]) == 1
    return open_folder(results / "quorum-kv" / "no-read-repair")


@pytest.mark.slow
def test_a_run_leaves_a_page_that_says_what_the_report_says(folder: Path) -> None:
    page, said = (folder / "report.html").read_bytes(), (folder / "report.txt").read_text().splitlines()
    header, columns = unpacked(page)
    assert header["outcome"] == "invalid"
    assert columns["call"][header["proof"]["culprit"]] >= 0
    text = page.decode()
    assert said[0].split("━━")[1].strip() == "✗ NOT LINEARIZABLE"
    assert '<span class="word">NOT LINEARIZABLE</span>' in text
    for word in said[1].split():
        assert word in text, word


@pytest.mark.slow
def test_a_page_made_anew_is_that_of_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert run(["report", str(folder)]) == 0
    assert str(folder / "report.html") in capsys.readouterr().out.replace("\n", "")
    before, after = unpacked(page), unpacked((folder / "report.html").read_bytes())
    assert after[0]["proof"] == before[0]["proof"]
    assert after[0]["faults"] == before[0]["faults"]
    assert after[0]["views"] == before[0]["views"]
    assert after[1]["call"] == before[1]["call"]


@pytest.mark.slow
def test_a_history_alone_has_a_page(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert run(["check", str(folder / "history.jsonl"), "--html", str(file)]) == 1
    header, columns = unpacked(file.read_bytes())
    assert len(columns["call"]) == header["n"] > 500
    assert run(["check", str(folder / "history.jsonl"), "--html", str(tmp_path)]) == 3


def head(file: Path) -> bytes:
    return b"".join(file.read_bytes().splitlines(keepends=True)[:40])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "verdict.json").unlink(), "has no verdict.json"),
        (lambda folder: (folder / "verdict.json").write_bytes(b'{"outcome": "inv'), "is damaged or cut off"),
        (lambda folder: (folder / "history.jsonl").unlink(), "has no history.jsonl"),
        (lambda folder: (folder / "history.jsonl").write_bytes(b""), "no"),
        (lambda folder: (folder / "test.toml").unlink(), "is no result"),
        (lambda folder: (folder / "test.toml").write_bytes(b'target = "\xff'), "test.toml is damaged or cut off"),
        (lambda folder: (folder / "history.jsonl").write_bytes(head(folder / "history.jsonl")), "it was cut off"),
    ],
)
def test_an_incomplete_result_gets_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: object, says: str
) -> None:
    copy = tmp_path / "result"
    copy.mkdir()
    for name in ("test.toml", "history.jsonl", "verdict.json"):
        (copy / name).write_bytes((folder / name).read_bytes())
    assert callable(spoil)
    spoil(copy)
    assert run(["report", str(copy)]) == 3
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not (copy / "report.html").exists()


@pytest.mark.slow
def test_a_history_that_was_cut_off_in_its_last_line_has_a_page(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "result"
    copy.mkdir()
    for name in ("test.toml", "history.jsonl", "verdict.json"):
        (copy / name).write_bytes((folder / name).read_bytes())
    (copy / "history.jsonl").write_bytes((copy / "history.jsonl").read_bytes()[:-30])
    assert run(["report", str(copy)]) == 0


@pytest.mark.slow
def test_a_run_that_this_version_runs_differently_gets_no_nodes_of_another(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "result"
    copy.mkdir()
    for name in ("test.toml", "history.jsonl", "verdict.json"):
        (copy / name).write_bytes((folder / name).read_bytes())
    plan = (copy / "test.toml").read_text()
    (copy / "test.toml").write_text(plan.replace("seed = 1", "seed = 2"))
    assert run(["report", str(copy)]) == 0
    header, _ = unpacked((copy / "report.html").read_bytes())
    assert header["messages"] is None
    assert "runs it differently" in header["lacking"]
