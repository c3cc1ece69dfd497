"""CheckQuorum (dissertation §6.2): a leader that no longer hears from a majority steps down.

Followers stay loyal to a leader whose heartbeats reach them (§4.2.3). A leader that can send but not receive would
keep that loyalty for good and commit nothing, so each election timeout it must have been answered by a majority.
"""

from __future__ import annotations

from abc import ABC

from targets.node import NodeId
from targets.raft.election import ELECTION, Election
from targets.raft.messages import AppendEntriesReply, InstallSnapshotReply
from targets.raft.snapshot import Snapshots


class CheckQuorum(Election, Snapshots, ABC):
    def __init__(self) -> None:
        super().__init__()
        self.answered: set[NodeId] = set()
        """Followers that answered this leader since its last check."""

    def start_leading(self) -> None:
        super().start_leading()
        self.await_answers()

    def await_answers(self) -> None:
        """Leaders have no election to wait for: their election timer is free for the check."""
        self.answered = set()
        self.ctx.set_timer(ELECTION, self.settings.election_timeout_ms_max)

    def on_election_timeout(self) -> None:
        if self.role == "leader":
            self.check_quorum()
        else:
            super().on_election_timeout()

    def check_quorum(self) -> None:
        """Step down unless a majority, this server included, answered within an election timeout."""
        if self.is_quorum([self.me, *self.answered]):
            self.await_answers()
        else:
            self.become_follower(self.current_term)

    def on_append_entries_reply(self, sender: NodeId, message: AppendEntriesReply) -> None:
        if message.term == self.current_term:
            self.answered.add(sender)
        super().on_append_entries_reply(sender, message)

    def on_install_snapshot_reply(self, sender: NodeId, message: InstallSnapshotReply) -> None:
        if message.term == self.current_term:
            self.answered.add(sender)
        super().on_install_snapshot_reply(sender, message)
