"""A client class of the user's own, by `--client path.py:Name` or cluster.toml's kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from naysayer.cli import run

pytestmark = pytest.mark.slow

CLIENT = """
from targets.node import Reply, Request

STORE = {}


class Memory:
    def __init__(self, address, *, keep=True):
        self.keep = keep

    async def open(self):
        pass

    async def invoke(self, request: Request) -> Reply:
        if request.f == "read":
            return Reply(request.id, "ok", STORE.get(request.key))
        if self.keep:
            STORE[request.key] = request.input
        return Reply(request.id, "ok")

    async def close(self):
        pass


class NoClient:
    async def open(self):
        pass
"""

CLUSTER = """
name = "own"
[nodes.n1]
host = "localhost"
client = "127.0.0.1:1"
[client]
kind = "redis"
operations = ["read", "write"]
"""


def arguments(tmp_path: Path, client: str, options: str = "", source: str = CLIENT) -> list[str]:
    """A test of a cluster.toml with a client class in client.py."""
    (tmp_path / "client.py").write_text(source)
    (tmp_path / "cluster.toml").write_text(CLUSTER + options)
    command = ["test", "--cluster", str(tmp_path / "cluster.toml"), "--client", f"{tmp_path}/{client}"]
    return [*command, "--workload", "register", "--ops", "60", "--results", str(tmp_path / "results")]


def test_a_class_in_a_file_takes_the_place_of_the_kind(tmp_path: Path) -> None:
    assert run(arguments(tmp_path, "client.py:Memory")) == 0


def test_what_an_earlier_run_left_in_the_system_is_no_violation(tmp_path: Path) -> None:
    """The store of this client is there until the process ends, as a running service outlives a run."""
    command = arguments(tmp_path, "client.py:Memory")
    assert run(command) == 0
    assert run([*command, "--seed", "2"]) == 0


def test_a_file_that_the_cluster_toml_names_lies_beside_it_wherever_the_command_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    command = arguments(tmp_path, "client.py:Memory")
    file = tmp_path / "cluster.toml"
    file.write_text(file.read_text().replace('kind = "redis"', 'kind = "client.py:Memory"'))
    at = command.index("--client")
    assert run([*command[:at], *command[at + 2 :]]) == 0


def test_the_options_of_the_file_reach_the_class_and_a_store_that_forgets_is_caught(tmp_path: Path) -> None:
    assert run(arguments(tmp_path, "client.py:Memory", "options = { keep = false }")) == 1


@pytest.mark.parametrize(
    ("client", "options", "said"),
    [
        ("none.py:Memory", "", "there is no Python file"),
        ("client.py:Memo", "", "defines no class Memo"),
        ("client.py:NoClient", "", "NoClient is no client, it lacks `async def invoke`"),
        ("client.py:Memory", "options = { size = 3 }", "raised TypeError"),
    ],
)
def test_what_is_wrong_with_a_class_is_one_sentence(
    client: str, options: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(tmp_path, client, options)) == 3
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed


def test_a_file_that_cannot_be_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments(tmp_path, "client.py:Memory", source="import no_such_module")) == 3
    assert "client.py raised ModuleNotFoundError in line 1: No module named 'no_such_module'" in capsys.readouterr().err


def test_a_client_without_a_cluster_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test", "quorum-kv", "--client", "client.py:Memory"]) == 3
    assert "--client needs --cluster" in capsys.readouterr().err
