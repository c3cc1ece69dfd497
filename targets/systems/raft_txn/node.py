"""raft-txn: transactions of several reads and writes on the replicated log, by optimistic concurrency control.

The leader executes a transaction on its applied state, without effect: that is its snapshot. What it read, by version,
and what it wrote become one log entry. Every replica validates the entry when it applies it, against the same state,
and so decides alike (Kung and Robinson 1981, backward validation):

    serializable         no key that it read was written since: the transaction runs at its place in the log
    snapshot isolation   no key that it wrote was written since (first committer wins, Berenson et al. 1995)

A transaction that fails validation did not happen. A leader executes none before it has committed an entry of its own
term, as it does not know before what its snapshot lacks.
"""

from __future__ import annotations

from typing import Any

import msgspec

from targets.protocol.node import Request
from targets.systems.raft.machine import QUERIES, Refusal, StateMachine, frozen
from targets.systems.raft.node import RaftNode

CONFLICT = Refusal("conflict: another transaction was faster")
ABSENT: tuple[int, Any] = (0, None)


class Executed(msgspec.Struct, frozen=True, array_like=True):
    """A transaction as it stands in the log."""

    steps: Any
    """[f, key, value] with what was read."""
    reads: Any
    """[key, version] of what was read of others."""
    writes: Any
    """[f, key, value] in order."""
    snapshot: int
    """The number of commits that it had seen."""


class TransactionalMachine(StateMachine):
    """Keys with (version, value); the version is the number of the commit that wrote it."""

    def __init__(self, items: list[tuple[Any, Any]] | None = None) -> None:
        super().__init__(items)
        self.commits = max((version for version, _ in self._values.values()), default=0)

    def current(self, key: Any) -> tuple[int, Any]:
        """Version and value of a key."""
        found: tuple[int, Any] = self._values.get(frozen(key), ABSENT)
        return found

    def execute(self, steps: Any) -> Executed:
        """Run a transaction on this state, which stays as it is."""
        own: dict[Any, Any] = {}
        replaced: set[Any] = set()
        done, writes = [], []
        reads: dict[Any, int] = {}
        for f, key, value in frozen(steps):
            version, known = self.current(key)
            own.setdefault(key, known)
            if f == "w":
                replaced.add(key)
            elif f == "r" and key not in replaced:  # a list that it appended to shows what others appended too
                reads[key] = version
            if f == "append":
                own[key] = (*(own[key] or ()), value)
            elif f == "w":
                own[key] = value
            if f != "r":
                writes.append((f, key, value))
            done.append((f, key, own[key] if f == "r" else value))
        return Executed(tuple(done), tuple(reads.items()), tuple(writes), self.commits)

    def apply(self, f: str, key: Any, input: Any) -> Any:
        if f != "txn":
            return Refusal(f"unknown operation {f}")
        executed = Executed(*frozen(input))
        if self.conflicts(executed):
            return CONFLICT
        self.write(executed.writes)
        return executed.steps

    def conflicts(self, executed: Executed) -> bool:
        """Serializable: whether a key that it read was written since."""
        return any(self.current(key)[0] != version for key, version in executed.reads)

    def write(self, writes: Any) -> None:
        """Carry out writes, as one commit. Without any it is none: then a snapshot would not have its number."""
        self.commits += bool(writes)
        for f, key, value in writes:
            old = self.current(key)[1]
            self._values[key] = (self.commits, (*(old or ()), value) if f == "append" else value)


class SnapshotMachine(TransactionalMachine):
    """Snapshot isolation."""

    def conflicts(self, executed: Executed) -> bool:
        return any(self.current(key)[0] > executed.snapshot for _, key, _ in executed.writes)


class TransactionalNode(RaftNode):
    """A server of transactions."""

    machine_type: type[StateMachine] = TransactionalMachine
    commands = frozenset({"txn"})

    @property
    def store(self) -> TransactionalMachine:
        """The applied state."""
        assert isinstance(self.machine, TransactionalMachine)
        return self.machine

    def on_request(self, request: Request) -> None:
        if request.f in QUERIES:
            self.ctx.fail(request, f"unknown operation {request.f}")
        elif request.f != "txn" or self.role != "leader" or self.has_answered(request):
            super().on_request(request)
        elif not self.has_committed_in_its_term():
            self.refuse(request)
        else:
            self.begin(request)

    def begin(self, request: Request) -> None:
        """Execute a transaction and propose it."""
        self.take(request, self.store.execute(request.input))

    def take(self, request: Request, executed: Executed) -> None:
        """Propose what was executed, as far as this server may."""
        super().on_request(msgspec.structs.replace(request, input=msgspec.structs.astuple(executed)))


class SnapshotNode(TransactionalNode):
    """A server of transactions under snapshot isolation."""

    machine_type = SnapshotMachine
