"""The index has a row for every run, whatever state its folder is in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from checker.errors import UsageError
from naysayer.options import RunOptions
from naysayer.plan import make_plan, text
from naysayer.results import HISTORY, REPORT, TEST, VERDICT
from naysayer.serve.index import Index

NOW_S = 1_800_000_000.0
PLAN = text(make_plan(RunOptions(target="quorum-kv", seed=7)))


def add(root: Path, name: str, **files: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    for file, content in {TEST: PLAN, **{name.replace("_", "."): content for name, content in files.items()}}.items():
        (folder / file).write_text(content)
        os.utime(folder / file, (NOW_S - 100, NOW_S - 100))
    return folder


def test_the_latest_run_comes_first_with_what_its_verdict_says(tmp_path: Path) -> None:
    explained = {"kind": "stale-read", "sentence": "Stale read: #3."}
    built = {"outcome": "invalid", "operations": 5, "virtual_ms": 1500.0, "not_valid": [{"explanation": explained}]}
    invalid = json.dumps(built)
    add(tmp_path, "b/20260101T000000", verdict_json='{"outcome": "valid", "operations": 9, "not_valid": []}')
    add(tmp_path, "a/20260102T000000", verdict_json=invalid, report_txt="")
    (tmp_path / "a" / "latest").symlink_to("20260102T000000")
    first, second = Index(tmp_path).rows(NOW_S)
    assert (first.path, first.state, first.kind, first.sentence) == (
        "a/20260102T000000",
        "invalid",
        "stale read",
        "Stale read: #3.",
    )
    assert (first.target, first.seed, first.operations, first.seconds, first.report) == ("quorum-kv", 7, 5, 1.5, True)
    assert (first.began, first.explorable) == ("2026-01-02T00:00:00", True)
    assert (second.path, second.state, second.operations) == ("b/20260101T000000", "valid", 9)


@pytest.mark.parametrize(
    ("files", "state", "words"),
    [
        ({}, "unfinished", "no history"),
        ({"history_jsonl": '{"type": "invoke"}\n'}, "unfinished", "naysayer check"),
        ({"verdict_json": '{"outcome": "inv'}, "unreadable", "verdict.json is damaged"),
        ({"verdict_json": "\x00\xff"}, "unreadable", "verdict.json is damaged"),
        ({"test_toml": "target = 3"}, "unreadable", "test.toml"),
        ({"test_toml": ""}, "unreadable", "test.toml is damaged or cut off"),
        (
            {"verdict_json": '{"outcome": "unknown", "not_valid": [{"reason": "time ran out"}]}'},
            "unknown",
            "time ran out",
        ),
    ],
)
def test_a_torn_run_is_a_row_that_says_so(tmp_path: Path, files: dict[str, str], state: str, words: str) -> None:
    add(tmp_path, "a/20260101T000000", **files)
    (row,) = Index(tmp_path).rows(NOW_S)
    assert row.state == state
    assert words in row.sentence


def test_a_run_that_writes_is_running_until_it_is_silent_or_judged(tmp_path: Path) -> None:
    folder = add(tmp_path, "a/20260101T000000", history_jsonl="{}\n")
    index = Index(tmp_path)
    os.utime(folder / HISTORY, (NOW_S - 1, NOW_S - 1))
    assert [row.state for row in index.rows(NOW_S)] == ["running"]
    assert [row.state for row in index.rows(NOW_S + 60)] == ["unfinished"]
    (folder / VERDICT).write_text('{"outcome": "valid"}')
    assert [row.state for row in index.rows(NOW_S + 61)] == ["valid"]
    (folder / REPORT).write_text("")
    assert [row.report for row in index.rows(NOW_S + 62)] == [True]


def test_an_exploration_that_found_nothing_has_a_row_and_no_run(tmp_path: Path) -> None:
    folder = add(tmp_path, "wal-kv/b", verdict_json='{"outcome": "valid", "explore": {"sentence": "36 scopes"}}')
    (folder / TEST).rename(folder / "report.html")
    (row,) = Index(tmp_path).rows(NOW_S)
    assert (row.state, row.target, row.workload, row.sentence) == ("valid", "wal-kv", "explored", "36 scopes")
    assert not row.explorable
    assert Index(tmp_path).folder("wal-kv/b") == folder


def test_nodes_in_a_process_of_their_own_are_not_explored(tmp_path: Path) -> None:
    add(tmp_path, "a/b", verdict_json='{"outcome": "valid"}', test_toml=PLAN.replace('"quorum-kv"', '"host:java Node"'))
    assert [(row.state, row.target, row.explorable) for row in Index(tmp_path).rows(NOW_S)] == [
        ("valid", "host:java Node", False)
    ]


def test_of_a_huge_folder_the_latest_runs_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("naysayer.serve.index.ROWS_MAX", 5)
    for number in range(8):
        folder = tmp_path / "a" / f"2026{number:04d}T000000"
        folder.mkdir(parents=True)
        (folder / TEST).touch()
    index = Index(tmp_path)
    rows = index.rows(NOW_S)
    assert (len(rows), index.total) == (5, 8)
    assert rows[0].path == "a/20260007T000000"


def test_a_folder_that_is_missing_or_has_other_things_has_no_rows(tmp_path: Path) -> None:
    assert Index(tmp_path / "nowhere").rows(NOW_S) == []
    (tmp_path / "file").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert Index(tmp_path).rows(NOW_S) == []


@pytest.mark.parametrize("name", ["", "a", "a/..", "../a/b", "a/b/c", "a/b/..", "/etc/passwd", "a\\b/c", "a/missing"])
def test_only_runs_have_folders(tmp_path: Path, name: str) -> None:
    add(tmp_path, "a/b")
    assert Index(tmp_path).folder("a/b") == tmp_path / "a" / "b"
    with pytest.raises(UsageError, match=r"is not the name of a run|has no run"):
        Index(tmp_path).folder(name)
