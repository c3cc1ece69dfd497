"""PostgreSQL and MariaDB as examples/ starts them: what is lost with a connection, and runs that end as they should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from glob import glob
from pathlib import Path

import pytest
import trio

from naysayer.cli import run
from targets.backends.clients.sql.client import SqlClient
from targets.backends.clients.sql.databases import Database, database_at
from targets.protocol.node import Reply
from tests.services import Service, service
from tests.systems import needs, without
from tests.targets.test_sql_client import OPERATIONS, asked, carries_out

POSTGRESQL = "/usr/lib/postgresql/*/bin/initdb"
pytestmark = needs(without("mariadbd", "pgrep", "pkill") + ([] if glob(POSTGRESQL) else [POSTGRESQL]))

PORTS = {"postgresql": 5499, "mariadb": 3399}


@pytest.fixture(params=PORTS, scope="module")
def made(request: pytest.FixtureRequest) -> Iterator[Service]:
    """An example, installed and not started."""
    with service(request.param, PORTS[request.param]) as one:
        one.command("install")
        yield one


@pytest.fixture
def address(made: Service) -> Iterator[str]:
    """A server that runs, with nothing in it."""
    made.command("start")
    found = started(made)
    database = database_at(found)
    database.connect()
    for table in ("registers", "texts", "lists", "counters", "elements"):
        database.execute(f"DROP TABLE IF EXISTS naysayer_{table}")
    database.close()
    yield found
    made.command("stop")


def started(made: Service) -> str:
    """The address of its server, once that takes connections."""
    url = {"postgresql": "postgresql://naysayer@127.0.0.1:{}/postgres", "mariadb": "mariadb://root@127.0.0.1:{}/test"}
    found = url[made.folder.name].format(made.ports[0])
    until_s = time.monotonic() + 60
    while True:
        database = database_at(found)
        try:
            database.connect()
            database.close()
            return found
        except Exception:
            assert time.monotonic() < until_s


def lost_under_way(address: str, end: Callable[[Database], None]) -> Reply | None:
    """The reply to a write that waits for the lock of another connection, when `end` ends it; None: cancelled."""

    async def main() -> Reply | None:
        client, reply = SqlClient(address, "kv"), None
        assert (await client.invoke(asked("write", 1))).status == "ok"
        other = database_at(address)
        other.connect()
        other.execute("BEGIN")
        other.execute("UPDATE naysayer_registers SET v = '2' WHERE k = %s", "x")
        with trio.CancelScope() as patience:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, _wait_and, end, address, patience.cancel)
                reply = await client.invoke(asked("write", 3))
        assert client._worker._limiter.borrowed_tokens == 0
        other.close()
        await client.close()
        return reply

    return trio.run(main)


def _wait_and(end: Callable[[Database], None], address: str, cancel: Callable[[], None]) -> None:
    """When a statement waits for a lock, end it by a statement of a third connection, or cancel its call."""
    database = database_at(address)
    database.connect()
    text = WAITING[address.partition(":")[0]]
    until_s = time.monotonic() + 30
    while not database.execute(text)[0]:
        assert time.monotonic() < until_s
    if end is cancelled:
        trio.from_thread.run_sync(cancel)
    else:
        end(database)
    database.close()


WAITING = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    "mariadb": "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}


def cancelled(_: Database) -> None:
    """In place of an end: the call is cancelled."""


def killed(database: Database) -> None:
    """End the connection that waits."""
    kind = type(database).__name__.lower()
    ((found,), *_) = database.execute(WAITING[kind])[0]
    text = "SELECT pg_terminate_backend(%s)" if kind == "postgresql" else "KILL CONNECTION %s"
    database.execute(text, found)


def test_every_operation_and_what_is_lost_with_a_connection(address: str) -> None:
    for model in OPERATIONS:
        carries_out(address, model)
    lost = lost_under_way(address, killed)
    assert lost is not None
    assert lost.status == "info"
    assert lost_under_way(address, cancelled) is None


def test_a_server_is_valid_under_kills_and_a_read_then_a_write_loses_updates(
    made: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["test", "--cluster", str(made.file), "--nemesis", "kill", "--time", "5s"]) == 0, capsys.readouterr().out
    other = made.changed('\nkind = "sql"', '\nkind = "sql"\noptions = { read_then_write = true }')
    command = ["test", "--cluster", str(other), "--workload", "counter", "--nemesis", "none", "--time", "2s"]
    assert run(command) == 1
    assert "Impossible count" in capsys.readouterr().out


ISOLATIONS = {
    "postgresql": (("repeatable-read", "snapshot-isolation", 0), ("repeatable-read", "serializable", 1)),
    "mariadb": (("repeatable-read", "snapshot-isolation", 1), ("serializable", "serializable", 0)),
}
"""What each database does under load: PostgreSQL's repeatable read is snapshot isolation, with write skews;
MariaDB's is not, as it loses updates."""


def test_each_isolation_has_the_level_that_it_has_and_no_more(
    made: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for isolation, level, code in ISOLATIONS[made.folder.name]:
        other = made.changed('\nkind = "sql"', f'\nkind = "sql"\noptions = {{ isolation = "{isolation}" }}')
        command = ["test", "--cluster", str(other), "--workload", "txn-list-append", "--consistency-model", level]
        assert run([*command, "--nemesis", "none", "--time", "4s"]) == code, capsys.readouterr().out
