"""cluster.toml: names that would become paths or commands, and what else is refused when the file is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.errors import UsageError
from checker.models import MODELS
from naysayer.cli import run
from targets.backends.hosts.config import load
from targets.backends.hosts.variables import filled
from targets.backends.stdio.protocol import DIALECTS
from targets.protocol.json_values import DEPTH_MAX, objection
from workloads.registry import find, names

TOML = """
name = "mine"
[nodes."{node}"]
host = "{host}"
client = "http://127.0.0.1:1"
[client]
kind = "{kind}"
{more}
"""
CALLS = '[client.http.read]\nmethod = "GET"\npath = "/"\n'


def written(tmp_path: Path, node: str = "n1", host: str = "localhost", kind: str = "etcd", more: str = "") -> Path:
    file = tmp_path / "cluster.toml"
    file.write_text(TOML.format(node=node, host=host, kind=kind, more=more))
    return file


@pytest.mark.slow
@pytest.mark.parametrize(
    "node",
    [
        "../x",
        "..",
        ".",
        "",
        "a/b",
        "/etc",
        "-rf",
        "n1; reboot",
        "n 1",
        "$(id)",
        "n\\u001b[2J",
        "n\\n1",
        "n\\u202e1",
        "é",
    ],
)
def test_a_name_that_is_no_plain_word_is_refused_before_anything_is_written(
    node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, node)
    for command in (["test", "--cluster", str(file)], ["doctor", str(file)], ["heal", str(file)]):
        assert run(command) == 3
        said = capsys.readouterr().err
        assert "is not a valid name of a node" in said
        assert all(char.isprintable() or char == "\n" for char in said)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("node", ["n1", "N-1", "db_2", "a.b", "7", "x" * 64])
def test_plain_names_are_taken(node: str, tmp_path: Path) -> None:
    assert list(load(written(tmp_path, node)).nodes) == [node]


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "$(id)", ""])
def test_a_host_that_is_no_name_and_no_address_is_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write the name or address of a host"):
        load(written(tmp_path, host=host))


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "fe80::1%eth0", "::1", "my_host.example-1.org"])
def test_names_and_addresses_of_hosts_are_taken(host: str, tmp_path: Path) -> None:
    assert load(written(tmp_path, host=host)).nodes["n1"].host == host


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("etcd", "options = { quorum = true }", "options of kind etcd"),
        ("mongo", "", "client kind 'mongo' is unknown"),
        ("http", 'operations = ["write"]\n' + CALLS, "there is no"),
        ("etcd", "timeout_s = 0.0", "timeout_s is 0.0; it must be more than 0"),
        ("etcd", "timeout_s = nan", "timeout_s is nan; it must be more than 0"),
        ("etcd", '[storage]\ndata = "data"', "data is 'data'; write a path from the root"),
        ("etcd", '[storage]\ndata = "/data"', "{storage} before the program in `start`"),
    ],
)
def test_what_would_fail_in_the_middle_of_a_run_is_refused_at_once(
    kind: str, more: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        load(written(tmp_path, kind=kind, more=more))


def test_operations_over_http_are_those_that_have_a_table(tmp_path: Path) -> None:
    assert load(written(tmp_path, kind="http", more=CALLS)).client.operations == ("read",)


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (nested(DEPTH_MAX + 1), "nested more than"),
        (nested(100_000), "nested more than"),
        ({"a": {"b": nested(DEPTH_MAX)}}, "nested more than"),
        (2**64, "beyond 64 bits"),
        (-(2**63) - 1, "beyond 64 bits"),
        ([float("inf")], "inf"),
        ("\ud800", "surrogate"),
        ({1: 2}, "keys that are not strings"),
        ([b"x"], "bytes"),
    ],
)
def test_what_json_cannot_hold_within_bounds_is_named(value: object, said: str) -> None:
    found = objection(value)
    assert found is not None
    assert said in found


@pytest.mark.parametrize(
    "value", [None, True, 1, 2**64 - 1, -(2**63), 1.5, "é", (1, [2, {"a": None}]), nested(DEPTH_MAX)]
)
def test_what_json_holds_is_taken(value: object) -> None:
    assert objection(value) is None


VARIABLES = """
name = "mine"
[nodes.n1]
host = "localhost"
client = "http://{host}:{port}/{node}"
port = 7001
data_dir = "/tmp/a"
[client]
kind = "etcd"
[commands]
start = "store --port {port} --data {data_dir} --url {client} {unknown} ${HOME}"
pid = "pgrep -f {port}"
"""


def variables(tmp_path: Path, before: str = "", after: str = "") -> Path:
    (file := tmp_path / "cluster.toml").write_text(VARIABLES.replace(before, after) if before else VARIABLES)
    return file


def test_variables_of_a_node_stand_in_its_commands_and_in_its_address(tmp_path: Path) -> None:
    config = load(variables(tmp_path))
    assert config.nodes["n1"].client == "http://localhost:7001/n1"
    assert config.commands is not None
    assert filled(config.commands.start, config.values("n1")) == (
        "store --port 7001 --data /tmp/a --url http://localhost:7001/n1 {unknown} ${HOME}"
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("data_dir =", "adress =", r"\[nodes.n1\] adress is neither a setting nor used .* did you mean address\?"),
        ("data_dir =", "zone =", r"\[nodes.n1\] zone is neither a setting nor used as \{zone\} in a command"),
        ("data_dir =", '"a b" =', r"'a b' cannot be the name of a variable"),
        ("data_dir =", "key =", r"'key' cannot be the name of a variable"),
        ("data_dir =", "node =", r"'node' cannot be the name of a variable"),
        ("port = 7001", "port = [1]", r"\[nodes.n1\] port is \[1\]; a variable is a text or a number"),
        ('host = "localhost"', "", r"missing required field `host`"),
        ("[nodes.n1]", "[[nodes]]", r"Expected `object`, got `array`"),
        ("[commands]", "[commands]\nstart_timeout_s = 0", r"start_timeout_s is 0.0; it must be more than 0"),
    ],
)
def test_a_mistyped_setting_is_no_variable(before: str, after: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        load(variables(tmp_path, before, after))


def test_the_guide_lists_the_operations_of_every_workload_for_clusters() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "your-cluster.md").read_text()
    rows = guide.partition("| `--workload` | `request.f`")[2].partition("\n\n")[0]
    listed = set(re.findall(r"`([a-z-]+)`", rows))
    for name in names():
        if (workload := find(name)).model in MODELS and name not in DIALECTS:
            assert {name, *workload.operations} <= listed
