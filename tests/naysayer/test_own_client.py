"""A client class of the user's own, by `--client path.py:Name` or cluster.toml's kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio

from naysayer.cli import run
from tests.targets.test_hostile_services import serving

pytestmark = pytest.mark.slow

CLIENT = """
from targets.protocol.node import Reply, Request

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
        ("client.py:NoClient", "", "NoClient is not a client: it lacks `async def invoke`"),
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


LINES = """
import json
import trio
from targets.protocol.node import Reply, Request

CALLS = []


class LineClient:
    def __init__(self, address, **options):
        self.host, _, self.port = address.rpartition(":")

    async def open(self):
        self.stream = await trio.open_tcp_stream(self.host, int(self.port))

    async def invoke(self, request: Request) -> Reply:
        asked = {"f": request.f, "key": request.key, "input": request.input}
        await self.stream.send_all(json.dumps(asked).encode() + b"\\n")
        answer = b""
        while not answer.endswith(b"\\n"):
            answer += await self.stream.receive_some(4096)
        return Reply(request.id, "ok", json.loads(answer))

    async def close(self):
        await self.stream.aclose()
"""


async def _serve_lines(stream: trio.SocketStream) -> None:
    values: dict[str, object] = VALUES
    data = b""
    while piece := await stream.receive_some(4096):
        data += piece
        while b"\n" in data:
            line, _, data = data.partition(b"\n")
            asked = json.loads(line)
            if asked["f"] == "write":
                values[asked["key"]] = asked["input"]
            answer = values.get(asked["key"]) if asked["f"] == "read" else None
            await stream.send_all(json.dumps(answer).encode() + b"\n")


VALUES: dict[str, object] = {}


def test_open_is_called_first_as_the_guide_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The client of the shared cases: it connects in open() and cannot do anything before."""
    with serving(_serve_lines) as port:
        command = arguments(tmp_path, "client.py:LineClient", source=LINES)
        file = tmp_path / "cluster.toml"
        file.write_text(file.read_text().replace("127.0.0.1:1", f"127.0.0.1:{port}"))
        assert run(command) == 0, capsys.readouterr().out
        file.write_text(file.read_text().replace('kind = "redis"', 'kind = "client.py:LineClient"'))
        assert run(["doctor", str(file)]) == 0
    counts = json.loads((tmp_path / "results" / "own" / "latest" / "verdict.json").read_text())["outcomes"]
    assert counts["ok"] >= 60
    assert counts["fail"] == counts["info"] == 0


def test_where_nobody_can_be_connected_to_the_run_does_not_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(tmp_path, "client.py:LineClient", source=LINES)) == 3
    printed = " ".join("".join(capsys.readouterr()).split())
    assert "no client could be opened: n1:" in printed
    assert "open raised" in printed
    assert "Traceback" not in printed


BAD = """
import sys
from targets.protocol.node import Reply, Request


class Bad:
    tries = 0

    def __init__(self, address, *, what):
        self.what = what

    async def open(self):
        if self.what == "open":
            raise RuntimeError("no licence")
        if self.what == "exit in open":
            sys.exit(0)

    async def invoke(self, request: Request):
        Bad.tries += 1
        if self.what == "raise" and Bad.tries % 2:
            return 1 / 0
        if self.what == "exit":
            sys.exit(0)
        answers = {
            "none": None,
            "dict": {"status": "ok"},
            "status": Reply(request.id, "OK"),
            "bytes": Reply(request.id, "ok", b"5"),
            "set": Reply(request.id, "ok", {1}),
            "nan": Reply(request.id, "ok", float("nan")),
            "big": Reply(request.id, "ok", 2**70),
            "leader": Reply(request.id, "ok", None, leader="n9"),
            "raise": Reply(request.id, "ok"),
            "open late": Reply(request.id, "ok"),
            "close": Reply(request.id, "info"),
        }
        return answers[self.what]

    async def close(self):
        if self.what == "close":
            raise ValueError("never open")
"""


@pytest.mark.parametrize(
    ("what", "said", "outcome"),
    [
        (
            "raise",
            "client.py:{1 / 0}: invoke raised ZeroDivisionError: division by zero; the outcome counts as",
            "info",
        ),
        ("exit", "client.py:{sys.exit(0)}: invoke raised SystemExit: 0; the outcome counts as unknown", "info"),
        ("none", "invoke returned NoneType for a", "info"),
        ("dict", "invoke returned dict for a", "info"),
        ("status", "invoke returned a Reply with status 'OK', not ok, fail or info", "info"),
        ("bytes", "is or has a bytes, which JSON cannot hold; decode it", "info"),
        ("set", "is or has a set, which JSON cannot hold", "info"),
        ("nan", "has the number nan, which JSON cannot hold", "info"),
        ("big", "has an integer beyond 64 bits", "info"),
        ("close", "close raised ValueError: never open", "info"),
        ("leader", "", "ok"),
    ],
)
def test_what_user_code_does_wrong_is_an_unknown_outcome_and_a_warning_with_its_place(
    what: str, said: str, outcome: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = BAD.splitlines()
    for code, number in (
        ("1 / 0", lines.index("            return 1 / 0") + 1),
        ("sys.exit(0)", lines.index("            sys.exit(0)", 20) + 1),
    ):
        said = said.replace("{" + code + "}", str(number))
    command = arguments(tmp_path, "client.py:Bad", f'options = {{ what = "{what}" }}', source=BAD)
    assert run(command) in (0, 1, 2)
    printed = capsys.readouterr()
    assert said.replace(" ", "") in "".join(printed.out.split())
    assert "Traceback" not in printed.err
    verdict = json.loads((tmp_path / "results" / "own" / "latest" / "verdict.json").read_text())
    assert verdict["outcomes"][outcome] >= 20
    assert any(said in remark for remark in verdict["remarks"]) or not said
    assert len(verdict["remarks"]) <= 2


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("open", "client.py:14: open raised RuntimeError: no licence"),
        ("exit in open", "client.py:16: open raised SystemExit: 0"),
    ],
)
def test_an_open_that_raises_ends_the_run_before_it_begins(
    what: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(tmp_path, "client.py:Bad", f'options = {{ what = "{what}" }}', source=BAD)) == 3
    printed = "".join(capsys.readouterr())
    assert said.replace(" ", "") in "".join(printed.split())
    assert "Traceback" not in printed


@pytest.mark.parametrize("source", ["import sys\nsys.exit(0)", "raise SystemExit", "def f(:\n    pass", "1 / 0"])
def test_a_file_that_ends_the_process_or_is_no_python_ends_with_exit_code_3(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(tmp_path, "client.py:Memory", source=source)) == 3
    said = capsys.readouterr().err
    assert "client.py raised " in said
    assert "line " in said


def test_a_dataclass_in_a_users_file_is_possible(tmp_path: Path) -> None:
    source = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n"
        + "\n@dataclass\nclass Point:\n    x: int\n    all: ClassVar[int] = 0\n"
        + CLIENT
    )
    assert run(arguments(tmp_path, "client.py:Memory", source=source)) == 0


def test_the_result_keeps_the_files_that_describe_the_system(tmp_path: Path) -> None:
    assert run(arguments(tmp_path, "client.py:Memory")) == 0
    folder = next(tmp_path.glob("**/latest"))
    assert (folder / "cluster.toml").read_text() == (tmp_path / "cluster.toml").read_text()
    assert (folder / "client.py").read_text() == CLIENT
