"""What survives a crash: currentTerm, votedFor and the log (figure 2), on the write-ahead log.

The journal holds records in the order in which the state changed: `HardState`, `Appended` (entries from an index on;
what stood there before is gone) and, in the place of all earlier ones, a `Checkpoint`. Everything is synced before the
handler goes on to answer, so whatever a server promised it still knows after a crash.
"""

from __future__ import annotations

from abc import ABC

import msgspec

from targets.node import NodeId
from targets.raft.log import Log
from targets.raft.machine import StateMachine
from targets.raft.messages import Entry
from targets.raft.sessions import Session, Sessions
from targets.raft.state import Server
from targets.wal.log import WriteAheadLog


class HardState(msgspec.Struct, frozen=True, tag="state"):
    current_term: int
    voted_for: NodeId | None


class Appended(msgspec.Struct, frozen=True, tag="entries"):
    """From `first_index` on, the log is these entries."""

    first_index: int
    entries: tuple[Entry, ...]


class MachineState(msgspec.Struct, frozen=True):
    """The state machine and its sessions after `last_included_index` (§7)."""

    items: list[tuple[object, object]]
    sessions: list[Session]
    digest: int


class Checkpoint(msgspec.Struct, frozen=True, tag="checkpoint"):
    """All that a server must remember: its hard state, the snapshot, and the log behind it."""

    hard_state: HardState
    last_included_index: int
    last_included_term: int
    configuration: tuple[NodeId, ...]
    state: bytes
    entries: tuple[Entry, ...]


_encode = msgspec.json.Encoder().encode
_record = msgspec.json.Decoder(HardState | Appended)
_checkpoint = msgspec.json.Decoder(Checkpoint)
_machine = msgspec.json.Decoder(MachineState)


class Persistence(Server, ABC):
    wal: WriteAheadLog

    # Writing

    def hard_state(self) -> HardState:
        """§5.1, §5.2: a server that forgot its term or its vote could vote twice in one term."""
        return HardState(self.current_term, self.voted_for)

    def persist_term_and_vote(self) -> None:
        self.wal.append(_encode(self.hard_state()))
        self.wal.sync()

    def persist_entries(self, first_index: int) -> None:
        """Write the log from `first_index` on. §5.3: durable before anybody counts on it."""
        self.wal.append(_encode(Appended(first_index, self.log.after(first_index - 1))))
        self.sync_entries()

    def sync_entries(self) -> None:
        self.wal.sync()

    def persist_everything(self) -> None:
        """Write a checkpoint after a snapshot, and drop the journal before it."""
        log = self.log
        index = self.wal.next_index - 1
        checkpoint = Checkpoint(
            self.hard_state(),
            log.base_index,
            log.base_term,
            log.configuration_at(log.base_index),
            self.snapshot_state,
            log.after(log.base_index),
        )
        self.wal.snapshot(_encode(checkpoint), index)
        self.wal.clean(index)

    # Recovering

    def recover(self) -> None:
        """Rebuild the state from the disk."""
        self.wal = WriteAheadLog(self.ctx.disk)
        recovered = self.wal.recover()
        self.log = Log(self.ctx.nodes)
        if recovered.snapshot is not None:
            self._restore(_checkpoint.decode(recovered.snapshot))
        for record in recovered.records:
            self._replay(_record.decode(record))
        self.current_term = max(self.current_term, self.log.last_term)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self._replay(checkpoint.hard_state)
        self.restore_machine(checkpoint.state)
        self.log = Log(checkpoint.configuration, checkpoint.last_included_index, checkpoint.last_included_term)
        for entry in checkpoint.entries:
            self.log.append(entry)
        self.commit_index = self.last_applied = checkpoint.last_included_index

    def _replay(self, record: HardState | Appended) -> None:
        if isinstance(record, HardState):
            self.current_term, self.voted_for = record.current_term, record.voted_for
            return
        if record.first_index <= self.log.last_index:
            self.log.truncate_from(record.first_index)
        for entry in record.entries:
            self.log.append(entry)

    def machine_state(self) -> bytes:
        """The state machine with its sessions, encoded for a snapshot."""
        return _encode(MachineState(self.machine.items(), self.sessions.dump(), self.digest))

    def restore_machine(self, state: bytes) -> None:
        """Become what a snapshot holds."""
        decoded = _machine.decode(state)
        self.machine = StateMachine(decoded.items)
        self.sessions = Sessions(decoded.sessions)
        self.digest = decoded.digest
        self.snapshot_state = state
