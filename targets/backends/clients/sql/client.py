"""A client of an SQL database: what an error says about the outcome of an operation.

* No connection, or an error before anything was asked to commit: it did not happen (fail).
* An error that the database rolls back for (a serialization failure, a deadlock, a server that only reads): fail.
* Any other error once a commit may be under way: unknown (info).
"""

from __future__ import annotations

from functools import partial

import trio

from checker.errors import UsageError
from checker.history import Status
from targets.backends.clients.sql.databases import Database, database_at
from targets.backends.clients.sql.operations import Attempt, Carry, table_of
from targets.backends.clients.threads import Worker
from targets.protocol.node import Reply, Request

ERROR_SHOWN = 200
CLOSE_S_MAX = 1.0


class SqlClient:
    """A client of the database at a URL, for workloads of a model.

    `read_then_write`: cas, append and add of a counter read the row and then write it, in one transaction, as programs
    often do, where one statement would do; below a certain isolation level that loses updates. `isolation`: the level
    of transactions, such as repeatable-read; the database's default unless given.
    """

    def __init__(
        self, address: str, model: str, *, read_then_write: bool = False, isolation: str | None = None
    ) -> None:
        """Raises UsageError for an invalid address, a driver that is missing, a model without statements, a level of
        isolation that the database does not have."""
        self._address = address
        self._table = table_of(model, read_then_write=read_then_write)
        self._database = database_at(address)
        if isolation is not None and isolation not in self._database.isolations:
            levels = ", ".join(self._database.isolations)
            raise UsageError(f"{type(self._database).__name__} has no isolation {isolation!r}: choose one of {levels}")
        self._isolation = isolation
        self._connected = False
        self._worker = Worker()

    async def open(self) -> None:
        """Nothing to open before the first call."""

    async def invoke(self, request: Request) -> Reply:
        carry: Carry | None = getattr(self._table, request.f, None)
        if carry is None:
            raise UsageError(f"the SQL client has no {request.f} on the table {self._table.name}")
        return await self._worker.run(partial(self._invoke, carry, request), self._database.interrupt)

    def _invoke(self, carry: Carry, request: Request) -> Reply:
        """Carry out an operation; blocks."""
        try:
            self._connect()
        except Exception as error:
            self._end()
            return Reply(request.id, "fail", None, f"no connection: {_short(error)}")
        attempt = Attempt(self._database, self._isolation)
        try:
            output = carry(attempt, request.key, request.input)
        except Exception as error:
            return Reply(request.id, self._failed(attempt, error), None, _short(error))
        return Reply(request.id, "ok", output, commit=attempt.commit)

    def _connect(self) -> None:
        """Connect unless connected, and make the table unless it is there: asked first, since to create a table that
        is there already still locks, or replicates, in some databases."""
        if self._connected:
            return
        self._database.connect()
        probe = f"SELECT 1 FROM {self._table.name} WHERE k = %s"
        try:
            self._database.execute(probe, "")
        except Exception as error:
            if not _absent(self._database, error):
                raise
            try:
                self._table.create(self._database)
            except Exception:  # another client may have been faster
                self._database.execute(probe, "")
        self._connected = True

    def _failed(self, attempt: Attempt, error: Exception) -> Status:
        """What an error says about the outcome. The connection is kept only if the database has rolled back."""
        refused = self._database.refused(error)
        try:
            if refused:
                self._database.rollback()
            else:
                self._end()
        except Exception:
            self._end()
        return "fail" if refused or not attempt.in_doubt else "info"

    def _end(self) -> None:
        self._connected = False
        self._database.close()

    async def close(self) -> None:
        """End the connection; the client may be used again."""
        with trio.move_on_after(CLOSE_S_MAX):
            await self._worker.run(self._end, self._database.interrupt)


def _absent(database: Database, error: Exception) -> bool:
    """Whether an error may mean that there is no such table: the database answered, and refused."""
    return database.refused(error) or "no such table" in str(error)


def _short(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}"[:ERROR_SHOWN]
