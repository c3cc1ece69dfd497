"""What survives a crash: currentTerm, votedFor and the log (figure 2), on the write-ahead log.

The journal holds records in the order in which the state changed: `HardState`, `Appended` (entries from an index on;
what stood there before is gone) and, in place of all earlier ones, a `Checkpoint`, which is written with a snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from targets.protocol.node import Disk, NodeId
from targets.systems.raft.log import Log
from targets.systems.raft.messages import Entry
from targets.systems.wal.log import WriteAheadLog


class HardState(msgspec.Struct, frozen=True, tag="state"):
    current_term: int
    voted_for: NodeId | None


class Appended(msgspec.Struct, frozen=True, tag="entries"):
    """From `first_index` on, the log is these entries."""

    first_index: int
    entries: tuple[Entry, ...]


class Checkpoint(msgspec.Struct, frozen=True, tag="checkpoint"):
    """All that a server must remember: its hard state, the snapshot (`state`), and the log after it."""

    hard_state: HardState
    last_included_index: int
    last_included_term: int
    configuration: tuple[NodeId, ...]
    state: bytes
    entries: tuple[Entry, ...]


_encode = msgspec.json.Encoder().encode
_record = msgspec.json.Decoder(HardState | Appended)
_checkpoint = msgspec.json.Decoder(Checkpoint)


@dataclass
class Recovered:
    """What a start found. `state`: of the snapshot at the log's base, None if there was none."""

    hard_state: HardState
    log: Log
    state: bytes | None = None


class Storage:
    """The journal of one server."""

    def __init__(self, disk: Disk) -> None:
        self._wal = WriteAheadLog(disk)

    def save_hard_state(self, state: HardState) -> None:
        """Durable when the handler's later effects happen."""
        self._wal.append(_encode(state))
        self._wal.sync()

    def append_entries(self, first_index: int, entries: tuple[Entry, ...]) -> None:
        """Not durable before `sync`."""
        self._wal.append(_encode(Appended(first_index, entries)))

    def sync(self) -> None:
        self._wal.sync()

    def save_checkpoint(self, hard_state: HardState, log: Log, state: bytes) -> None:
        """Write everything again after a snapshot, and drop the journal before it."""
        index = self._wal.next_index - 1
        base = log.base_index
        members = log.configuration_at(base)
        checkpoint = Checkpoint(hard_state, base, log.base_term, members, state, log.after(base))
        self._wal.snapshot(_encode(checkpoint), index)
        self._wal.clean(index)

    def recover(self, nodes: tuple[NodeId, ...]) -> Recovered:
        """Rebuild what was durable. `nodes`: the configuration before any entry changed it."""
        journal = self._wal.recover()
        found = Recovered(HardState(0, None), Log(nodes))
        if journal.snapshot is not None:
            last = _checkpoint.decode(journal.snapshot)
            log = Log(last.configuration, last.last_included_index, last.last_included_term)
            for entry in last.entries:
                log.append(entry)
            found = Recovered(last.hard_state, log, last.state)
        for text in journal.records:
            record = _record.decode(text)
            if isinstance(record, HardState):
                found.hard_state = record
                continue
            if record.first_index <= found.log.last_index:
                found.log.truncate_from(record.first_index)
            for entry in record.entries:
                found.log.append(entry)
        return found
