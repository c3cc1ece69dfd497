"""Snapshots (§7): each server replaces the applied part of its log by the state of its machine.

Sessions and the latest configuration are part of a snapshot: without the first, a retry would be executed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from targets.protocol.node import NodeId
from targets.systems.raft.log import Log
from targets.systems.raft.messages import Entry, InstallSnapshot, InstallSnapshotReply
from targets.systems.raft.sessions import Session, Sessions

if TYPE_CHECKING:
    from targets.systems.raft.node import RaftNode


class MachineState(msgspec.Struct, frozen=True):
    """The state machine and its sessions after `last_included_index`."""

    items: list[tuple[object, object]]
    sessions: list[Session]
    digest: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(MachineState).decode


class Snapshots:
    def __init__(self, server: RaftNode) -> None:
        self._server = server
        self._state = b""
        """The machine at the log's base, encoded."""

    def take_when_due(self) -> None:
        server = self._server
        if server.last_applied - server.log.base_index >= server.settings.snapshot_threshold:
            self._state = _encode(MachineState(server.machine.items(), server.sessions.dump(), server.digest))
            server.log.compact(server.last_applied)
            self._persist()

    def _persist(self) -> None:
        server = self._server
        server.storage.save_checkpoint(server.hard_state(), server.log, self._state)

    def restore(self, state: bytes) -> None:
        """Become what a snapshot at the log's base holds."""
        server = self._server
        found = _decode(state)
        server.machine = server.machine_type(found.items)
        server.sessions = Sessions(found.sessions)
        server.digest = found.digest
        server.commit_index = server.last_applied = server.log.base_index
        self._state = state

    def send(self, peer: NodeId) -> None:
        """§7: to a follower that lags so far that the log no longer has its next entry."""
        server, log = self._server, self._server.log
        members = log.configuration_at(log.base_index)
        message = InstallSnapshot(server.current_term, server.me, log.base_index, log.base_term, members, self._state)
        server.ctx.send(peer, message)

    def on_install_snapshot(self, sender: NodeId, message: InstallSnapshot) -> None:
        server, match_index = self._server, 0
        if message.term == server.current_term:
            server.recognize_leader(message.leader_id)
            if not self.has_all_of(message):
                self.install(message)
            match_index = message.last_included_index
        server.ctx.send(sender, InstallSnapshotReply(server.current_term, match_index))

    def has_all_of(self, message: InstallSnapshot) -> bool:
        """Whether everything in the snapshot is committed here: then it is an old one, and going back loses entries."""
        return message.last_included_index <= self._server.commit_index

    def entries_after(self, message: InstallSnapshot) -> tuple[Entry, ...]:
        """Figure 13, step 6: entries after the snapshot stay if the log has the snapshot's last entry."""
        index = message.last_included_index
        if self._server.log.term(index) == message.last_included_term:
            return self._server.log.after(index)
        return ()

    def install(self, message: InstallSnapshot) -> None:
        """Figure 13, steps 5 to 8: the snapshot takes the place of the log up to its index."""
        entries = self.entries_after(message)
        log = Log(message.configuration, message.last_included_index, message.last_included_term)
        for entry in entries:
            log.append(entry)
        self._server.log = log
        self.restore(message.state)
        self._persist()
