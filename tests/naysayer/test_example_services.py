"""RabbitMQ, ZooKeeper and NATS with the client classes of examples/: healthy ones are valid, stale reads are caught."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.services import Service, service
from tests.systems import needs, without

JAR = "/usr/share/java/zookeeper.jar"
RABBITMQ = partial(service, "rabbitmq", 5699, 25699, 4399)
ZOOKEEPER = partial(service, "zookeeper", *(base + n for base in (2171, 2271, 2371) for n in range(3)))
NATS = partial(service, "nats", 4271)
Make = Callable[[], AbstractContextManager[Service]]

CASES = [
    pytest.param(
        RABBITMQ, ["--nemesis", "pause", "--workload", "queue"], marks=needs(without("rabbitmq-server", "epmd"))
    ),
    pytest.param(
        ZOOKEEPER,
        ["--nemesis", "none", "--workload", "cas-register"],
        marks=needs([*without("java"), *([] if Path(JAR).exists() else [JAR])]),
    ),
    pytest.param(NATS, ["--nemesis", "kill,pause", "--workload", "kv"], marks=needs(without("nats-server"))),
]


@pytest.mark.parametrize(("make", "options"), CASES)
def test_a_healthy_service_is_valid_and_no_thread_is_left(
    make: Make, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(threading.enumerate())
    with make() as made:
        code = run(["test", "--cluster", str(made.file), *options, "--time", "6s"])
        printed = capfd.readouterr()
        assert code == 0, printed.out
        assert "Traceback" not in printed.err
    # trio keeps threads that have nothing to do for the next call; the loop of asyncio clients is one for all runs
    idle = ("Trio thread", "asyncio clients")
    assert [one.name for one in set(threading.enumerate()) - before if not one.name.startswith(idle)] == []


@pytest.mark.parametrize("make", [pytest.param(ZOOKEEPER, marks=CASES[1].marks)])
def test_reads_of_zookeeper_without_sync_are_stale(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Documented: a server may lag behind the leader."""
    monkeypatch.chdir(tmp_path)
    with make() as made:
        file = made.changed(':ZooKeeperClient"', ':ZooKeeperClient"\noptions = { sync = false }')
        command = ["test", "--cluster", str(file), "--workload", "register", "--nemesis", "pause", "--time", "10s"]
        assert run(command) == 1
        assert "read" in capsys.readouterr().out.partition("target")[0]
