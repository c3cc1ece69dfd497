"""Broken servers of transactions, each one decision away from a healthy one."""

from __future__ import annotations

from typing import Any

import msgspec

from targets.protocol.node import Request
from targets.systems.raft.machine import StateMachine, frozen
from targets.systems.raft.messages import Entry
from targets.systems.raft_txn.node import (
    CONFLICT,
    Executed,
    SnapshotNode,
    TransactionalMachine,
    TransactionalNode,
)


class _Unchecked(TransactionalMachine):
    def conflicts(self, executed: Executed) -> bool:
        return False


class NoValidation(TransactionalNode):
    """Commits what was executed, whatever was written since.

    Misconception: what a transaction read is still there when it commits. Two that read one version both write the key.
    """

    machine_type: type[StateMachine] = _Unchecked


class _WritesOnly(TransactionalMachine):
    def conflicts(self, executed: Executed) -> bool:
        return any(self.current(key)[0] > executed.snapshot for _, key, _ in executed.writes)


class WritesOnly(TransactionalNode):
    """Promises serializability and validates only the keys that were written.

    Misconception: transactions conflict only where both write. Two that each read what the other writes both commit: a
    write skew.
    """

    machine_type: type[StateMachine] = _WritesOnly


class LateReads(SnapshotNode):
    """Executes the first half of a transaction, and the rest when the next commit has been applied.

    Misconception: each read may show what is committed when it comes. Under snapshot isolation reads are not validated,
    so a transaction sees one half of another.
    """

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self.halves: list[tuple[Request, Executed]] = []

    def begin(self, request: Request) -> None:
        half = len(request.input) // 2
        self.halves.append((request, self.store.execute(request.input[:half])))
        if not half:
            self.finish()

    def apply_committed(self) -> None:
        super().apply_committed()
        self.finish()

    def on_heartbeat_timeout(self) -> None:
        super().on_heartbeat_timeout()
        self.finish()

    def finish(self) -> None:
        """The rest, on the state of now."""
        halves, self.halves = self.halves, []
        for request, first in halves:
            now = self.store.execute(request.input)
            whole = Executed(first.steps + now.steps[len(first.steps) :], (), now.writes, first.snapshot)
            if self.role == "leader":
                self.take(request, whole)
            else:
                self.refuse(request)


class _Through(TransactionalMachine):
    def apply(self, f: str, key: Any, input: Any) -> Any:
        executed = Executed(*frozen(input))
        own = {key for _, key, _ in executed.writes}
        conflict = self.conflicts(executed)
        self.write(executed.writes)
        return CONFLICT if conflict and own else executed.steps


class WriteThrough(TransactionalNode):
    """Carries out the writes of a transaction before it validates what was read.

    Misconception: an abort undoes what was written. Those that commit next have read what a transaction wrote that
    failed.
    """

    machine_type: type[StateMachine] = _Through


class EntryPerWrite(SnapshotNode):
    """Proposes each write as a log entry of its own, and the transaction after them.

    Misconception: entries that are proposed together are applied together. A snapshot lies between two writes of one
    transaction.
    """

    def take(self, request: Request, executed: Executed) -> None:
        for number, write in enumerate(executed.writes):
            part = Executed((), (), (write,), self.store.commits + len(executed.writes))
            named = {"id": f"{request.id}/{number}", "client": f"{request.client}/w"}
            self.propose(msgspec.structs.replace(request, input=msgspec.structs.astuple(part), **named))
            self.waiting.pop(self.log.last_index, None)  # no client asked for it
        super().take(request, Executed(executed.steps, executed.reads, (), executed.snapshot))


class LocalReads(TransactionalNode):
    """Answers a transaction that only reads from its own state at once.

    Misconception: what only reads conflicts with nothing. A server that lags, or a leader that was replaced, shows a
    state of long ago.
    """

    def on_request(self, request: Request) -> None:
        if request.f == "txn" and all(f == "r" for f, _, _ in request.input):
            self.answer(request, self.shown(request))
        else:
            super().on_request(request)

    def shown(self, request: Request) -> Any:
        """What the reads find."""
        return self.store.execute(request.input).steps


class Shards(LocalReads):
    """Applies each commit to half of the keys at once, to the others with the next one: other halves on other servers.

    Misconception: keys may be replicated each on its own. Two servers show two writes in opposite orders: a long fork.
    """

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self.behind: dict[Any, Any] = {}

    def execute(self, entry: Entry) -> object:
        late = sum(self.me.encode()) % 2
        if entry.request is not None and entry.request.f == "txn":
            keys = [key for _, key, _ in Executed(*frozen(entry.request.input)).writes]
            self.behind = {key: self.store.current(key)[1] for key in keys if sum(str(key).encode()) % 2 == late}
        return super().execute(entry)

    def shown(self, request: Request) -> Any:
        return tuple((f, key, self.behind.get(key, self.store.current(key)[1])) for f, key, _ in frozen(request.input))


class AnswerBeforeCommit(TransactionalNode):
    """Answers as soon as the entry is in its own log.

    Misconception: a leader's log is what happened. The next leader does not have what was acknowledged, and nothing
    fences the old one.
    """

    def take(self, request: Request, executed: Executed) -> None:
        super().take(request, executed)
        if self.waiting.pop(self.log.last_index, None) is not None:
            self.answer(request, executed.steps)


class RunAgain(TransactionalNode):
    """Executes a transaction again that comes again.

    Misconception: a client asks once. A request that was answered too late is asked again, and its appends are applied
    twice.
    """

    def has_answered(self, request: Request) -> bool:
        return False


class _Forgetful(TransactionalMachine):
    def items(self) -> list[tuple[Any, Any]]:
        return [(key, (0, value)) for key, (_, value) in super().items()]


class VersionsNotInSnapshot(TransactionalNode):
    """Leaves the versions out of its snapshots.

    Misconception: a snapshot is the values. A server that restarts from one decides otherwise about the next
    transaction than the others.
    """

    machine_type: type[StateMachine] = _Forgetful
