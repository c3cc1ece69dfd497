"""What a result folder keeps of what was run, and how it is found again."""

from __future__ import annotations

import platform
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from naysayer.cli import run
from naysayer.options import RunOptions
from naysayer.plan import Plan, make_plan, read, text
from naysayer.results import open_folder

PLAN = Plan("quorum-kv", "register", (), 3, 5, 1)


def result(root: Path, name: str, plan: Plan = PLAN) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "test.toml").write_text(text(plan))
    return folder


def test_options_and_versions_are_kept_beside_the_plan(tmp_path: Path) -> None:
    assert (
        run(["test", "quorum-kv", "--ops", "20", "--seed", "7", "--nemesis", "kill", "--results", str(tmp_path)]) == 0
    )
    file = open_folder(tmp_path / "quorum-kv") / "test.toml"
    kept = tomllib.loads(file.read_text())
    assert kept["options"] == {
        "target": "quorum-kv",
        "operations": 20,
        "seed": 7,
        "nemesis": ["kill"],
        "results": str(tmp_path),
    }
    assert kept["versions"] == {
        "naysayer": version("naysayer"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    assert read(file) == make_plan(RunOptions(target="quorum-kv", operations=20, seed=7, nemesis=("kill",)))
    assert "naysayer replay FOLDER" in file.read_text().splitlines()[0]
    file.write_text(file.read_text().replace("seed = 7", 'sed = "7"', 1))
    assert run(["replay", str(file)]) == 3


@pytest.mark.slow
def test_a_hunt_keeps_what_was_asked_of_it(tmp_path: Path) -> None:
    name = "quorum-kv/local-counter-version"
    assert run(["hunt", name, "--first-seed", "25", "--seeds", "5", "--results", str(tmp_path)]) == 1
    folder = open_folder(tmp_path / "quorum-kv.local-counter-version")
    for file in (folder / "test.toml", folder / "original" / "test.toml"):
        kept = tomllib.loads(file.read_text())
        assert kept["options"] == {"target": name, "seeds": 5, "first_seed": 25}
        assert kept["versions"]["naysayer"] == version("naysayer")


def test_a_live_result_does_not_claim_that_it_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"{tmp_path}/no-such-node " + "x" * 300
    assert run(["test", "--bin", command, "--time", "3s", "--results", str(tmp_path / "r")]) == 3
    (parent,) = (tmp_path / "r").iterdir()
    assert len(parent.name) <= 60
    folder = open_folder(parent)
    first, *_ = (folder / "test.toml").read_text().splitlines()
    assert "replay FOLDER" not in first
    assert "cannot be replayed" in first
    kept = tomllib.loads((folder / "test.toml").read_text())
    assert (kept["options"]["binary"], kept["options"]["time_s"]) == (command, 3.0)
    capsys.readouterr()
    assert run(["replay", str(parent)]) == 3
    assert "only simulated runs replay; judge it again with naysayer check" in capsys.readouterr().err


def test_a_folder_is_found_by_its_target_by_latest_and_by_a_file_in_it(tmp_path: Path) -> None:
    parent = tmp_path / "quorum-kv.no-read-repair"
    names = ["20260101T000000", "20260101T000000-2", "20260101T000000-10", "20251231T235959"]
    folders = [result(parent, name) for name in names]
    newest = folders[2]
    assert open_folder(parent) == newest  # where links cannot be made
    assert open_folder(parent / "latest") == newest
    assert open_folder(tmp_path / "quorum-kv" / "no-read-repair") == newest
    assert open_folder(folders[0]) == folders[0]
    assert open_folder(folders[1] / "test.toml") == folders[1]
    (parent / "latest").symlink_to(names[1])
    assert open_folder(parent).resolve() == folders[1]
    assert open_folder(parent / "latest").resolve() == folders[1]


def test_a_folder_that_is_misspelt_is_not_taken_for_its_neighbour(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result(tmp_path / "quorum-kv", "20260101T000000")
    monkeypatch.chdir(tmp_path / "quorum-kv")
    for name in ("20260101T000001", "quorum-vk", "../quorum-kv/nothing", "/", "", "."):
        code = run(["replay", name])
        assert code == 3
        # this folder itself has a latest result, though that is not complete
        said = "has no history.jsonl to compare with" if name in (".", "") else "is no result"
        assert said in capsys.readouterr().err


def test_the_history_of_another_format_version_is_still_judged(tmp_path: Path) -> None:
    assert run(["test", "quorum-kv", "--ops", "60", "--results", str(tmp_path)]) == 0
    file = open_folder(tmp_path / "quorum-kv") / "test.toml"
    file.write_text(file.read_text().replace("version = 1", "version = 99"))
    assert run(["replay", str(file.parent)]) == 3
    assert run(["check", str(file.parent / "history.jsonl")]) == 0
    assert run(["check", str(file.parent)]) == 0


def test_a_name_without_letters_still_gets_a_folder() -> None:
    assert Plan("../..", "lin-kv", (), 3, 5, 1).name == "run"
    assert Plan("./node.py --x", "lin-kv", (), 3, 5, 1).name == "node.py.--x"


def test_a_test_toml_that_calls_the_backend_world_is_read(tmp_path: Path) -> None:
    plan = Plan("quorum-kv", "register", (), 3, 5, 1, backend="on the hosts of cluster.toml")
    file = result(tmp_path, "old", plan) / "test.toml"
    file.write_text(file.read_text().replace("backend =", "world ="))
    assert read(file) == plan
