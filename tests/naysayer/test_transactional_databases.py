"""Real databases have the isolation that they have, and no more: Hermitage's schedules; load under kill and pause."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

import pytest

from naysayer.cli import run
from tests.naysayer.test_databases import PORTS, POSTGRESQL, started
from tests.naysayer.test_guide import free_port
from tests.services import Service, service
from tests.systems import needs, without

pytestmark = needs(
    without("mariadbd", "pgrep", "pkill", "redis-server", "etcd") + ([] if glob(POSTGRESQL) else [POSTGRESQL])
)

HERMITAGE = runpy.run_path(str(Path(__file__).resolve().parents[2] / "examples" / "hermitage.py"))

SKEWS = {"G1c": "serializable", "G2-item": "serializable", "G2": "serializable", "G2-two-edges": "serializable"}
LOST = {"P4": "snapshot-isolation", "G-single-write": "snapshot-isolation"}
COMMITTED = {
    **SKEWS,
    **LOST,
    **dict.fromkeys(("G1b", "OTV", "PMP", "G-single"), "read-atomic"),
}
EXPECTED: dict[str, dict[str, dict[str, str]]] = {
    "postgresql": {"read-committed": COMMITTED, "repeatable-read": SKEWS, "serializable": {}},
    "mariadb": {
        "read-uncommitted": {
            **{
                name: level for name, level in COMMITTED.items() if name != "OTV"
            },  # it reads the latest of both at once
            **dict.fromkeys(("G1a", "G1b", "G1c"), "PL-2"),
        },
        "read-committed": COMMITTED,
        "repeatable-read": {**SKEWS, **LOST},
        "serializable": {},
    },
    "sqlite": {"serializable": {}},
}
"""By isolation and schedule the weakest level that the database breaks there (Kleppmann: Hermitage). G1c at read
committed is a write skew. MariaDB 10.11 loses updates at repeatable read."""


@pytest.fixture(params=PORTS, scope="module")
def made(request: pytest.FixtureRequest) -> Iterator[Service]:
    """An example, installed and not started."""
    with service(request.param, PORTS[request.param]) as one:
        one.command("install")
        yield one


@pytest.fixture
def address(made: Service) -> Iterator[str]:
    """A server that runs."""
    made.command("start")
    yield started(made)
    made.command("stop")


def broken(address: str, isolation: str) -> dict[str, str]:
    """By schedule the weakest level that is broken."""
    outcomes = {
        name: HERMITAGE["outcome"](HERMITAGE["run"](address, isolation, schedule))
        for name, schedule in HERMITAGE["SCHEDULES"].items()
    }
    return {name: what.split()[1].rstrip(":") for name, what in outcomes.items() if what is not None}


def test_hermitages_schedules_end_as_they_do_there(made: Service, address: str) -> None:
    for isolation, expected in EXPECTED[made.folder.name].items():
        assert broken(address, isolation) == expected, isolation


def test_sqlite_prevents_all_of_them(tmp_path: Path) -> None:
    assert broken(f"sqlite:///{tmp_path}/h.db", "serializable") == EXPECTED["sqlite"]["serializable"]


UNDER_FAULTS = {
    "postgresql": (
        ("repeatable-read", "snapshot-isolation", 0),
        ("repeatable-read", "serializable", 1),
        ("serializable", "strict-serializable", 0),
    ),
    "mariadb": (("repeatable-read", "snapshot-isolation", 1), ("serializable", "strict-serializable", 0)),
}


def test_isolation_is_what_it_is_under_kill_and_pause_too(
    made: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for isolation, level, code in UNDER_FAULTS[made.folder.name]:
        other = made.changed('\nkind = "sql"', f'\nkind = "sql"\noptions = {{ isolation = "{isolation}" }}')
        command = ["test", "--cluster", str(other), "--workload", "txn-list-append", "--consistency-model", level]
        assert run([*command, "--nemesis", "kill,pause", "--time", "6s", "--no-stop"]) == code, capsys.readouterr().out
        assert "took effect" in capsys.readouterr().out
    assert any('"commit":' in path.read_text() for path in tmp_path.glob("results/*/*/history.jsonl"))


@pytest.mark.parametrize("kind", ["etcd", "redis"])
def test_key_value_stores_are_strictly_serializable_under_kill_and_pause(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "cluster.toml"
    port, peers = free_port(), free_port()
    file.write_text(STORES[kind].format(port=port, peers=peers, data=tmp_path / "data"))
    command = [
        "test",
        "--cluster",
        str(file),
        "--workload",
        "txn-rw-register",
        "--nemesis",
        "kill,pause",
        "--time",
        "6s",
    ]
    assert run([*command, "--consistency-model", "strict-serializable"]) == 0, capsys.readouterr().out
    assert "took effect" in capsys.readouterr().out


STORES: dict[str, Any] = {
    "redis": """name = "redis"
[nodes.n1]
host = "localhost"
client = "127.0.0.1:{port}"
[commands]
start = "mkdir -p {data}; redis-server --port {port} --appendonly yes --appendfsync always --dir {data} --daemonize yes"
pid = "pgrep -f 'redis-serve[r] .*:{port}'"
stop = "pkill -9 -f 'redis-serve[r] .*:{port}'"
[client]
kind = "redis"
operations = ["txn"]
""",
    "etcd": """name = "etcd"
[nodes.n1]
host = "localhost"
client = "http://127.0.0.1:{port}"
[commands]
start = "nohup etcd --data-dir {data} --listen-client-urls http://127.0.0.1:{port} --advertise-client-urls \
http://127.0.0.1:{port} --listen-peer-urls http://127.0.0.1:{peers} --initial-advertise-peer-urls \
http://127.0.0.1:{peers} --initial-cluster default=http://127.0.0.1:{peers} > {data}.log 2>&1 < /dev/null &"
pid = "pgrep -f 'etc[d] .*--listen-client-urls http://127.0.0.1:{port} '"
stop = "pkill -9 -f 'etc[d] .*--listen-client-urls http://127.0.0.1:{port} '"
[client]
kind = "etcd"
operations = ["txn"]
""".replace("\\\n", ""),
}
