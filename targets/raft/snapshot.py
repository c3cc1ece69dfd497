"""Snapshots (§7): each server replaces the applied part of its log by the state of its machine.

Sessions and the latest configuration are part of a snapshot: without the first, a retry would be executed again.
"""

from __future__ import annotations

from abc import ABC

from targets.node import NodeId
from targets.raft.log import Log
from targets.raft.messages import Entry, InstallSnapshot, InstallSnapshotReply
from targets.raft.replication import Replication


class Snapshots(Replication, ABC):
    def take_snapshot_when_due(self) -> None:
        if self.last_applied - self.log.base_index >= self.settings.snapshot_threshold:
            self.snapshot_state = self.machine_state()
            self.log.compact(self.last_applied)
            self.persist_everything()

    def send_snapshot(self, peer: NodeId) -> None:
        """§7: to a follower so far behind that the log no longer has its next entry."""
        log = self.log
        members = log.configuration_at(log.base_index)
        term = self.current_term
        message = InstallSnapshot(term, self.me, log.base_index, log.base_term, members, self.snapshot_state)
        self.ctx.send(peer, message)

    def on_install_snapshot(self, sender: NodeId, message: InstallSnapshot) -> None:
        if message.term >= self.current_term:
            self.recognize_leader(message.term, message.leader_id)
            if not self.has_all_of(message):
                self.install(message)
        match_index = message.last_included_index if message.term == self.current_term else 0
        self.ctx.send(sender, InstallSnapshotReply(self.current_term, match_index))

    def has_all_of(self, message: InstallSnapshot) -> bool:
        """Whether everything in the snapshot is committed here: then it is an old one, and going back loses entries."""
        return message.last_included_index <= self.commit_index

    def entries_behind(self, message: InstallSnapshot) -> tuple[Entry, ...]:
        """Figure 13, step 6: entries behind the snapshot stay if the log has the snapshot's last entry."""
        index = message.last_included_index
        if self.log.term(index) == message.last_included_term:
            return self.log.after(index)
        return ()

    def install(self, message: InstallSnapshot) -> None:
        """Figure 13, steps 5 to 8: the snapshot takes the place of the log up to its index."""
        entries = self.entries_behind(message)
        self.log = Log(message.configuration, message.last_included_index, message.last_included_term)
        for entry in entries:
            self.log.append(entry)
        self.restore_machine(message.state)
        self.commit_index = self.last_applied = message.last_included_index
        self.persist_everything()

    def on_install_snapshot_reply(self, sender: NodeId, message: InstallSnapshotReply) -> None:
        if message.term > self.current_term:
            self.become_follower(message.term)
        elif self.role == "leader" and message.term == self.current_term:
            self.advance_match_index(sender, message.match_index)
