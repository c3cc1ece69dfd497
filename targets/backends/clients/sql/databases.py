"""PostgreSQL by psycopg, MariaDB and MySQL by PyMySQL, SQLite in this process: where they differ.

`refused` decides what a false accusation depends on: which errors show that a statement certainly had no effect. It
names those that are known to roll back (by SQLSTATE or error number); any other error of a write leaves the outcome
unknown. A server that shuts down, or a connection that breaks, may have committed before.

Sources: PostgreSQL, appendix A "Error Codes"; MariaDB, "Error Codes"; SQLite, "Result and Error Codes".
"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from contextlib import suppress
from typing import Any, ClassVar, Protocol
from urllib.parse import unquote, urlsplit

from checker.errors import UsageError

CONNECT_S_MAX = 2
"""A connection that is not made by then counts as refused."""

BUSY_S_MAX = 0.5
"""How long SQLite waits for the lock of another connection."""


class Database(Protocol):
    """One connection to a database at an address; made by `connect`, which blocks, as `execute` does."""

    conflict: ClassVar[str]
    """What comes before the new value in an INSERT that finds its key `k` there already."""
    given: ClassVar[str]
    """The value of column {} that such an INSERT was given."""
    types: ClassVar[dict[str, str]]
    """Column types: `key` up to 200 characters, `text` of any length, `number`; and what comes after the columns."""
    duplicate: type[Exception]
    """What is raised for a key that is there already."""
    isolations: ClassVar[dict[str, tuple[str, ...]]]
    """By level of isolation the statements that begin a transaction at it."""

    def connect(self) -> None:
        """Raises any exception if no connection could be made."""
        ...

    def execute(self, text: str, *values: object) -> tuple[list[Any], int]:
        """Rows, and how many were found or changed. Outside BEGIN and COMMIT a statement commits by itself."""
        ...

    def commit(self) -> int | None:
        """End a transaction that wrote. A number that grows from commit to commit, where the server tells it."""
        ...

    def rollback(self) -> None: ...
    def refused(self, error: Exception) -> bool:
        """Whether an error shows that the statement, and the transaction that it was part of, had no effect."""
        ...

    def interrupt(self) -> None:
        """Make a call that another thread is in end with an error; does nothing if there is none."""
        ...

    def close(self) -> None: ...


def _shut(connection: socket.socket | None) -> None:
    """End what is under way on a connection, without closing it under the thread that uses it."""
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class PostgreSQL:
    """The server of a URL such as postgresql://user:password@127.0.0.1:5432/database, with all that libpq takes in
    one."""

    conflict: ClassVar[str] = "ON CONFLICT (k) DO UPDATE SET"
    given: ClassVar[str] = "excluded.{}"
    types: ClassVar[dict[str, str]] = {"key": "varchar(200)", "text": "text", "number": "bigint", "after": ""}
    isolations: ClassVar[dict[str, tuple[str, ...]]] = {
        name: (f"BEGIN ISOLATION LEVEL {name.replace('-', ' ').upper()}",)
        for name in ("read-committed", "repeatable-read", "serializable")
    }

    ROLLED_BACK: ClassVar[tuple[str, ...]] = (
        *("0A", "22", "23", "28", "3D", "3F", "42", "54", "55"),  # whole classes: refused for what they are
        *("25006", "25P02"),  # the server, or the transaction, only reads; an earlier statement failed
        *("40000", "40001", "40002", "40P01"),  # rolled back; not 40003, statement completion unknown
    )

    def __init__(self, address: str) -> None:
        """Raises UsageError where psycopg is missing, or the address is invalid."""
        try:
            import psycopg
        except ImportError as error:
            raise lacking("psycopg", address) from error
        try:
            psycopg.conninfo.conninfo_to_dict(address)
        except psycopg.Error as error:
            raise UsageError(f"client {shown(address)!r} is not a valid URL of PostgreSQL: {error}") from error
        self._driver = psycopg
        self._address = address
        self._connection: psycopg.Connection[Any] | None = None
        self._tells_commits = False
        self.duplicate: type[Exception] = psycopg.errors.UniqueViolation

    def connect(self) -> None:
        self._connection = self._driver.connect(
            self._address, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None
        )
        self._tells_commits = self.execute("SHOW track_commit_timestamp")[0] == [("on",)]

    def execute(self, text: str, *values: object) -> tuple[list[Any], int]:
        assert self._connection is not None
        cursor = self._connection.execute(text.encode(), values or None)
        return (cursor.fetchall() if cursor.description else []), cursor.rowcount

    def commit(self) -> int | None:
        """When it was committed, in microseconds since 1970 (track_commit_timestamp)."""
        own = "SELECT pg_current_xact_id_if_assigned()::xid::text"
        xid = self.execute(own)[0][0][0] if self._tells_commits else None
        self.execute("COMMIT")
        if xid is None:
            return None
        at = "SELECT (extract(epoch FROM pg_xact_commit_timestamp(%s::xid)) * 1000000)::bigint"
        with suppress(self._driver.Error):  # it has committed, whatever comes now
            return self.execute(at, xid)[0][0][0]  # type: ignore[no-any-return]
        return None

    def rollback(self) -> None:
        assert self._connection is not None
        self._connection.rollback()

    def refused(self, error: Exception) -> bool:
        state = error.sqlstate if isinstance(error, self._driver.Error) else None
        return state is not None and state.startswith(self.ROLLED_BACK)

    def interrupt(self) -> None:
        if self._connection is None:  # libpq connects: that ends by itself, after CONNECT_S_MAX
            return
        with suppress(self._driver.Error, OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as same:
            _shut(same)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class MariaDB:
    """MariaDB or MySQL at a URL such as mariadb://user:password@127.0.0.1:3306/database, without TLS."""

    conflict: ClassVar[str] = "ON DUPLICATE KEY UPDATE"
    given: ClassVar[str] = "VALUES({})"
    types: ClassVar[dict[str, str]] = {
        "key": "varchar(200)",
        "text": "longtext",
        "number": "bigint",
        "after": "ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",  # else "a" is "A"
    }

    isolations: ClassVar[dict[str, tuple[str, ...]]] = {
        name: (f"SET TRANSACTION ISOLATION LEVEL {name.replace('-', ' ').upper()}", "BEGIN")
        for name in ("read-uncommitted", "read-committed", "repeatable-read", "serializable")
    }

    ROLLED_BACK: ClassVar[frozenset[int]] = frozenset(
        {
            *(
                1020,
                1205,
                1213,
            ),  # changed since last read; lock wait timeout; deadlock, or certification failed (Galera)
            *(1290, 1792, 1836),  # the server, or the transaction, only reads
            *(1044, 1045, 1049, 1142, 1143),  # no access, no such database
            *(
                1054,
                1062,
                1064,
                1146,
                1264,
                1366,
                1406,
            ),  # no such column or table, duplicate, syntax, values out of range
            *(1047, 3101),  # a node of Galera that is not ready; rolled back by certification (group replication)
        }
    )

    def __init__(self, address: str) -> None:
        """Raises UsageError where PyMySQL is missing, or the address is invalid."""
        try:
            import pymysql
        except ImportError as error:
            raise lacking("PyMySQL", address) from error
        parts = urlsplit(address)
        if not parts.hostname or not parts.path.strip("/"):
            raise UsageError(
                f"client {shown(address)!r} is not a valid URL: write mariadb://user:password@host:3306/database"
            )
        self._driver = pymysql
        self._parts = parts
        self._connection: pymysql.Connection[Any] | None = None
        self._socket: socket.socket | None = None
        self._tells_commits = True
        self.duplicate: type[Exception] = pymysql.IntegrityError

    def connect(self) -> None:
        parts = self._parts
        assert parts.hostname is not None
        self._socket = socket.create_connection((parts.hostname, parts.port or 3306), timeout=CONNECT_S_MAX)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = self._driver.Connection(
            host=parts.hostname,
            user=unquote(parts.username or "root"),
            password=unquote(parts.password or ""),
            database=parts.path.strip("/"),
            charset="utf8mb4",
            autocommit=True,
            # rows that an UPDATE found, not only those that it changed; and || puts texts together
            client_flag=self._driver.constants.CLIENT.FOUND_ROWS,
            init_command="SET sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')",
            ssl_disabled=True,  # else PyMySQL loads all certificates for every connection: 90 ms
            defer_connect=True,
        )
        self._connection.connect(self._socket)

    def execute(self, text: str, *values: object) -> tuple[list[Any], int]:
        assert self._connection is not None
        with self._connection.cursor() as cursor:
            found = cursor.execute(text, values or None)
            return list(cursor.fetchall()), found

    def commit(self) -> int | None:
        """Its place in the binary log (the sequence number of the GTID), where there is one."""
        self.execute("COMMIT")
        if self._tells_commits:
            try:
                gtid = str(self.execute("SELECT @@last_gtid")[0][0][0])
            except self._driver.MySQLError:  # MySQL, or a connection that broke: it has committed, whatever comes now
                self._tells_commits = False
                return None
            sequence = gtid.rpartition("-")[2]
            return int(sequence) if sequence.isdecimal() else None
        return None

    def rollback(self) -> None:
        assert self._connection is not None
        self._connection.rollback()

    def refused(self, error: Exception) -> bool:
        return isinstance(error, self._driver.MySQLError) and bool(self.ROLLED_BACK.intersection(error.args[:1]))

    def interrupt(self) -> None:
        _shut(self._socket)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._driver.Error):
                connection.close()
        if self._socket is not None:
            self._socket.close()


class SQLite:
    """A file, opened in this process by every client anew: sqlite:///file relative to the folder that the command is
    typed in, sqlite:////file from the root."""

    conflict: ClassVar[str] = PostgreSQL.conflict
    given: ClassVar[str] = PostgreSQL.given
    types: ClassVar[dict[str, str]] = {"key": "TEXT", "text": "TEXT", "number": "INTEGER", "after": ""}
    isolations: ClassVar[dict[str, tuple[str, ...]]] = {"serializable": ("BEGIN",)}

    ROLLED_BACK: ClassVar[frozenset[int]] = frozenset(
        {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_READONLY}
    )

    def __init__(self, address: str) -> None:
        """Raises UsageError for an invalid address."""
        self._path = address.removeprefix("sqlite:///")
        if self._path in ("", address, ":memory:"):
            raise UsageError(
                f"client {shown(address)!r} names no file: write sqlite:////tmp/my.db, all clients open it"
            )
        self._connection: sqlite3.Connection | None = None
        self.duplicate: type[Exception] = sqlite3.IntegrityError

    def connect(self) -> None:
        self._connection = sqlite3.connect(
            self._path, timeout=BUSY_S_MAX, isolation_level=None, check_same_thread=False
        )

    def execute(self, text: str, *values: object) -> tuple[list[Any], int]:
        assert self._connection is not None
        cursor = self._connection.execute(text.replace("%s", "?"), values)
        return cursor.fetchall(), cursor.rowcount

    def commit(self) -> int | None:
        self.execute("COMMIT")
        return None

    def rollback(self) -> None:
        assert self._connection is not None
        self._connection.rollback()

    def refused(self, error: Exception) -> bool:
        code = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in self.ROLLED_BACK

    def interrupt(self) -> None:
        connection = self._connection
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.interrupt()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


SCHEMES: dict[str, type[PostgreSQL] | type[MariaDB] | type[SQLite]] = {
    "postgresql": PostgreSQL,
    "postgres": PostgreSQL,
    "mariadb": MariaDB,
    "mysql": MariaDB,
    "sqlite": SQLite,
}


def shown(address: str) -> str:
    """An address without its password, for errors."""
    return re.sub(r"(//[^/@]*?):[^/@]*@", r"\1:...@", address)


def lacking(package: str, address: str) -> UsageError:
    """The error for a driver that is not installed."""
    return UsageError(f"client {shown(address)!r} needs the package {package}: pip install 'naysayer[sql]'")


def database_at(address: str) -> Database:
    """The database of an address, not yet connected. Raises UsageError for one that is not known."""
    found = SCHEMES.get(address.partition(":")[0])
    if found is None:
        raise UsageError(
            f"client {shown(address)!r} is not the URL of a database: write postgresql://..., mariadb://..., "
            "mysql://... or sqlite:////path/to/file"
        )
    return found(address)
