"""SQL clients: what each error says about the outcome, that a cancelled call leaves no thread, and SQLite in a run."""

from __future__ import annotations

import builtins
import socket
import sqlite3
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import trio

from checker.errors import UsageError
from checker.history import Status
from naysayer.cli import run
from targets.backends.clients.sql.client import SqlClient
from targets.backends.clients.sql.databases import Database, database_at
from targets.backends.clients.sql.operations import Attempt, table_of
from targets.backends.clients.threads import Worker
from targets.protocol.node import Reply, Request
from tests.targets.test_hostile_services import listen

ADDRESSES = {
    "postgresql": "postgresql://me@127.0.0.1:1/db",
    "mariadb": "mariadb://me@127.0.0.1:1/db",
    "sqlite": "sqlite:////no/such/folder/x.db",
}


def asked(f: str, value: object = None) -> Request:
    return Request(f"{f} {value}", "c0", f, "x", value)


def answers(client: SqlClient, *requests: Request) -> list[Reply]:
    """The replies to requests one after another."""

    async def main() -> list[Reply]:
        replies = [await client.invoke(request) for request in requests]
        await client.close()
        return replies

    return trio.run(main)


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as the driver raises it")
    error.sqlite_errorcode = code
    return error


REFUSED: list[tuple[str, Exception]] = [
    ("postgresql", psycopg.errors.SerializationFailure()),
    ("postgresql", psycopg.errors.DeadlockDetected()),
    ("postgresql", psycopg.errors.ReadOnlySqlTransaction()),
    ("postgresql", psycopg.errors.UndefinedTable()),
    ("mariadb", pymysql.OperationalError(1213, "Deadlock found when trying to get lock")),
    ("mariadb", pymysql.OperationalError(1205, "Lock wait timeout exceeded")),
    ("mariadb", pymysql.OperationalError(1290, "running with the --read-only option")),
    ("mariadb", pymysql.OperationalError(1047, "WSREP has not yet prepared node for application use")),
    ("sqlite", sqlite_error(sqlite3.SQLITE_BUSY)),
    ("sqlite", sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT)),
]
UNKNOWN: list[tuple[str, Exception]] = [
    ("postgresql", psycopg.OperationalError("server closed the connection unexpectedly")),
    ("postgresql", psycopg.errors.StatementCompletionUnknown()),
    ("postgresql", psycopg.errors.TransactionResolutionUnknown()),
    ("postgresql", psycopg.errors.AdminShutdown()),
    ("postgresql", psycopg.errors.IoError()),
    ("mariadb", pymysql.OperationalError(2013, "Lost connection to MySQL server during query")),
    ("mariadb", pymysql.OperationalError(1053, "Server shutdown in progress")),
    ("mariadb", pymysql.OperationalError(1180, "Got error during COMMIT")),
    ("mariadb", pymysql.err.InternalError("Packet sequence number wrong")),
    ("sqlite", sqlite_error(sqlite3.SQLITE_IOERR)),
    ("sqlite", sqlite_error(sqlite3.SQLITE_FULL)),
    ("sqlite", OSError("anything else")),
]


class Failing:
    """A database that carries out every statement but the first that begins with `word`, which raises."""

    def __init__(self, like: Database, word: str, error: Exception) -> None:
        self._like = like
        self._word = word
        self._error = error
        self.closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._like, name)

    def connect(self) -> None: ...

    def execute(self, text: str, *values: object) -> tuple[list[Any], int]:
        if text.startswith(self._word):
            raise self._error
        return [], 0

    def rollback(self) -> None: ...

    def close(self) -> None:
        self.closed = True


def outcome(kind: str, error: Exception, request: Request, word: str, *, read_then_write: bool = False) -> Status:
    """How an operation ends whose first statement with `word` fails."""
    client = SqlClient(ADDRESSES[kind], "kv", read_then_write=read_then_write)
    client._database = Failing(client._database, word, error)  # type: ignore[assignment]
    client._connected = True
    (reply,) = answers(client, request)
    assert reply.error is not None
    assert type(error).__name__ in reply.error
    return reply.status


@pytest.mark.parametrize(("kind", "error"), REFUSED)
def test_what_the_database_has_rolled_back_certainly_did_not_happen(kind: str, error: Exception) -> None:
    assert outcome(kind, error, asked("write", 1), "INSERT") == "fail"
    assert outcome(kind, error, asked("cas", (None, 1)), "COMMIT", read_then_write=True) == "fail"


@pytest.mark.parametrize(("kind", "error"), UNKNOWN)
def test_any_other_error_of_what_may_have_committed_leaves_the_outcome_unknown(kind: str, error: Exception) -> None:
    assert outcome(kind, error, asked("write", 1), "INSERT") == "info"
    assert outcome(kind, error, asked("cas", (1, 2)), "UPDATE") == "info"
    assert outcome(kind, error, asked("delete"), "DELETE") == "info"
    assert outcome(kind, error, asked("cas", (None, 1)), "COMMIT", read_then_write=True) == "info"


@pytest.mark.parametrize(("kind", "error"), UNKNOWN)
def test_what_was_not_asked_to_commit_did_not_happen_whatever_the_error(kind: str, error: Exception) -> None:
    assert outcome(kind, error, asked("read"), "SELECT") == "fail"
    for word in ("BEGIN", "SELECT", "INSERT"):
        assert outcome(kind, error, asked("cas", (None, 1)), word, read_then_write=True) == "fail"


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_database_that_cannot_be_reached_is_a_certain_failure(kind: str) -> None:
    for reply in answers(SqlClient(ADDRESSES[kind], "kv"), asked("read"), asked("write", 1)):
        assert reply.status == "fail"
        assert reply.error is not None
        assert reply.error.startswith("no connection: ")


def test_a_cancelled_call_is_interrupted_and_leaves_no_thread() -> None:
    mine, other = socket.socketpair()

    async def main() -> None:
        worker = Worker()
        with mine, other:
            with trio.move_on_after(0.01) as patience:
                await worker.run(lambda: mine.recv(1), lambda: mine.shutdown(socket.SHUT_RDWR))
            assert patience.cancelled_caught
            assert worker._limiter.borrowed_tokens == 0, "the thread has ended"

    trio.run(main)


@pytest.mark.parametrize("kind", ["mariadb", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_a_server_that_accepts_and_never_answers_is_given_up(kind: str) -> None:
    """psycopg cannot be interrupted while it connects; it gives up by itself after two seconds."""

    async def main(port: int) -> None:
        client = SqlClient(f"{kind}://me@127.0.0.1:{port}/db", "kv")
        with trio.move_on_after(0.05) as patience:
            await client.invoke(asked("read"))
        assert patience.cancelled_caught
        assert client._worker._limiter.borrowed_tokens == 0
        await client.close()

    with socket.create_server(("127.0.0.1", 0)) as mute:
        trio.run(main, mute.getsockname()[1])


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_missing_driver_is_one_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name in ("psycopg", "pymysql"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *rest)

    file = toml(tmp_path, ADDRESSES[kind])
    monkeypatch.setattr(builtins, "__import__", without)
    assert run(["test", "--cluster", str(file)]) == 3
    assert "pip install 'naysayer[sql]'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("oracle://127.0.0.1/db", "is not the URL of a database"),
        ("127.0.0.1:5432", "is not the URL of a database"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:x.db", "names no file"),
        ("mariadb://127.0.0.1:3306", "mariadb://user:password@host:3306/database"),
        ("postgresql://127.0.0.1:5432/db?no_such=option", "is not a valid URL of PostgreSQL"),
    ],
)
def test_an_invalid_address_is_one_sentence(address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        database_at(address)


def test_an_error_does_not_show_the_password() -> None:
    with pytest.raises(UsageError) as caught:
        database_at("mariadb://me:secret@127.0.0.1:3306")
    assert "mariadb://me:...@127.0.0.1:3306" in str(caught.value)


GARBAGE = {
    "nothing": b"",
    "binary": bytes(range(256)),
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a gigabyte announced": b"R\x40\x00\x00\x00" + b"\xff\xff\xff\x00",
}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_server_that_answers_garbage_is_none_and_nothing_was_asked(kind: str, garbage: str) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.send_all(GARBAGE[garbage])

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            port = await listen(nursery, serve)
            client = SqlClient(f"{kind}://me@127.0.0.1:{port}/db", "kv")
            reply = Reply("", "info")
            with trio.fail_after(20):
                reply = await client.invoke(asked("write", 1))
            assert reply.status == "fail"
            assert reply.error is not None
            assert reply.error.startswith("no connection: ")
            assert len(reply.error) < 300
            await client.close()
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_a_workload_without_statements_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = toml(tmp_path, f"sqlite:///{tmp_path}/x.db")
    assert run(["test", "--cluster", str(file), "--workload", "log"]) == 3
    assert "no statements for workloads of the model log" in " ".join(capsys.readouterr().err.split())


OPERATIONS: dict[str, list[tuple[str, object, object]]] = {
    "kv": [
        *(("read", None, None), ("cas", (None, 1), True), ("cas", (None, 2), False), ("cas", (2, 3), False)),
        *(("cas", (1, 1), True), ("cas", (1, "a"), True), ("cas", ("A", 2), False), ("write", [1, 2], None)),
        *(("read", None, [1, 2]), ("delete", None, None), ("read", None, None), ("delete", None, None)),
    ],
    "kv-append": [
        *(("read", None, None), ("append", "(1)", None), ("append", "(2)", None), ("read", None, "(1)(2)")),
        *(("write", "new ", None), ("append", "%s", None), ("read", None, "new %s")),
    ],
    "append-list": [("read", None, []), ("append", 1, None), ("append", 2, None), ("read", None, [1, 2])],
    "txn-list-append": [
        ("txn", [["r", 1, None], ["append", 1, 7]], [["r", 1, []], ["append", 1, 7]]),
        (
            "txn",
            [["append", 1, 8], ["append", "1", 9], ["r", 1, None]],
            [["append", 1, 8], ["append", "1", 9], ["r", 1, [7, 8]]],
        ),
    ],
    "txn-rw-register": [
        ("txn", [["r", 1, None], ["w", 1, 7], ["r", 1, None]], [["r", 1, None], ["w", 1, 7], ["r", 1, 7]]),
        ("txn", [["r", 1, None], ["r", "1", None]], [["r", 1, 7], ["r", "1", None]]),
    ],
    "counter": [("read", None, None), ("add", 2, None), ("add", -5, None), ("read", None, -3)],
    "set": [
        *(("read", None, []), ("contains", 1, False), ("add", 1, None), ("add", 1, None), ("contains", 1, True)),
        *(("add", 2, None), ("remove", 1, None), ("remove", 1, None), ("read", None, [2])),
    ],
}
"""By model: operations one after another, each with its input and output."""


def carries_out(address: str, model: str, *, read_then_write: bool = False) -> None:
    """Carry out the operations of a model on a database, whose table may be there or not."""
    client = SqlClient(address, model, read_then_write=read_then_write)
    replies = answers(client, *(asked(f, value) for f, value, _ in OPERATIONS[model]))
    assert [(reply.status, reply.output) for reply in replies] == [("ok", out) for _, _, out in OPERATIONS[model]]


@pytest.mark.slow
@pytest.mark.parametrize("read_then_write", [False, True])
@pytest.mark.parametrize("model", OPERATIONS)
def test_sqlite_carries_out_the_operations_of_every_model(model: str, read_then_write: bool, tmp_path: Path) -> None:
    carries_out(f"sqlite:///{tmp_path}/x.db", model, read_then_write=read_then_write)


def test_an_isolation_that_a_database_does_not_have_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PostgreSQL has no isolation 'snapshot': choose one of read-com"):
        SqlClient(ADDRESSES["postgresql"], "txn-list-append", isolation="snapshot")
    client = SqlClient(f"sqlite:///{tmp_path}/x.db", "txn-rw-register", isolation="serializable")
    (reply,) = answers(client, asked("txn", [["w", 1, 2], ["r", 1, None]]))
    assert (reply.status, reply.output) == ("ok", [["w", 1, 2], ["r", 1, 2]])


def test_a_statement_that_waits_for_a_lock_too_long_fails_and_the_connection_is_of_use_after_it(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/x.db"
    first, second = SqlClient(address, "kv"), SqlClient(address, "kv")

    async def main() -> None:
        assert (await first.invoke(asked("write", 1))).status == "ok"
        assert (await second.invoke(asked("read"))).output == 1
        attempt = Attempt(first._database)
        with attempt.transaction():
            table_of("kv", read_then_write=False).put(attempt, "x", "v", "2")
            reply = await second.invoke(asked("write", 3))
            assert (reply.status, reply.error) == ("fail", "OperationalError: database is locked")
        assert (await second.invoke(asked("read"))).output == 2
        await first.close()
        await second.close()

    trio.run(main)


def toml(folder: Path, address: str, options: str = "") -> Path:
    """A cluster.toml for a database that runs already."""
    file = folder / "cluster.toml"
    file.write_text(
        f'name = "db"\n[nodes.n1]\nhost = "localhost"\nclient = "{address}"\n[client]\nkind = "sql"\n{options}'
    )
    return file


@pytest.mark.slow
def test_sqlite_is_valid_and_updates_that_are_lost_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A transaction of SQLite is serializable. Each statement in a transaction of its own loses updates."""
    monkeypatch.chdir(tmp_path)
    file = toml(tmp_path, "sqlite:///x.db", "options = { read_then_write = true }\n")
    command = ["test", "--cluster", str(file), "--workload", "counter", "--nemesis", "none", "--ops", "300"]
    assert run(command) == 0
    monkeypatch.setattr(Attempt, "transaction", lambda self: nullcontext())
    assert run(command) == 1
    assert "NOT LINEARIZABLE" in capsys.readouterr().out
