"""Each file in examples/ does what it says, copied into a folder of its own."""

from __future__ import annotations

import shutil
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.systems import without

PGREP = pytest.mark.skipif(bool(without("pgrep", "pkill")), reason="this machine lacks pgrep and pkill (procps)")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of examples/, and the folder that commands are typed in."""
    copy = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def line_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its cluster.toml, with free ports, this Python, and a name of its own so that no other store is touched."""
    with ExitStack() as taken:
        ports = [taken.enter_context(socket.socket()) for _ in range(3)]
        for port in ports:
            port.bind(("127.0.0.1", 0))
        numbers = [str(port.getsockname()[1]) for port in ports]
    monkeypatch.chdir(folder / "line_store")
    toml = folder / "line_store" / "cluster.toml"
    text = toml.read_text()
    for fixed, free in zip(("8101", "8102", "8103"), numbers, strict=True):
        text = text.replace(fixed, free)
    own = f"store{numbers[0]}"
    Path("store.py").rename(f"{own}.py")
    text = text.replace("store.py", f"{own}.py").replace("store[.]py", f"{own}[.]py")
    toml.write_text(text.replace("nohup python3", f"nohup {sys.executable}"))
    return toml


def test_every_example_stands_in_the_table(folder: Path) -> None:
    table = (folder / "README.md").read_text()
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    named = [f"`{path.relative_to(folder)}`" for path in files if path.name != "README.md"]
    assert [name for name in named if name not in table] == []


def test_the_account_is_overdrawn_and_the_model_says_how(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "bank_account.jsonl", "--model", "bank_account.py:Account", "--certify"]) == 1
    assert "(withdraw 70 → true) fits nowhere" in capsys.readouterr().out


def test_an_account_that_refuses_the_second_withdrawal_is_valid(folder: Path) -> None:
    history = Path("bank_account.jsonl")
    refused = history.read_text().replace(
        '"process":2,"f":"withdraw","output":true', '"process":2,"f":"withdraw","output":false'
    )
    history.write_text(refused.replace('"output":30', '"output":20'))
    assert run(["check", "bank_account.jsonl", "--model", "bank_account.py:Account", "--certify"]) == 0


@pytest.mark.slow
def test_the_broadcast_node_keeps_its_promise_under_partitions(folder: Path) -> None:
    node = f"{sys.executable} {folder}/broadcast_node.py"
    command = ["test", "--bin", node, "--workload", "broadcast", "--nemesis", "partition"]
    assert run([*command, "--time", "2s", "--rate", "300"]) == 0


@pytest.mark.slow
@PGREP
def test_the_line_store_starts_and_is_valid_under_kills_and_pauses(line_store: Path) -> None:
    assert run(["doctor", "cluster.toml", "--nemesis", "kill,pause"]) == 0
    assert run(["test", "--cluster", "cluster.toml", "--nemesis", "kill,pause", "--time", "4s"]) == 0


@pytest.mark.slow
@PGREP
def test_the_line_store_with_caches_is_caught(line_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line_store.write_text(line_store.read_text().replace(" >> {node}.out", " --cache >> {node}.out"))
    assert run(["test", "--cluster", "cluster.toml", "--nemesis", "none", "--time", "2s"]) == 1
    assert "NOT LINEARIZABLE" in capsys.readouterr().out
