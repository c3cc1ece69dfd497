"""Broken servers, each one decision away from RaftNode: reads, sessions, snapshots and membership."""

from __future__ import annotations

from targets.protocol.node import Request
from targets.systems.raft.membership import Membership
from targets.systems.raft.messages import Entry, InstallSnapshot
from targets.systems.raft.node import RaftNode
from targets.systems.raft.reads import Reads
from targets.systems.raft.settings import Settings
from targets.systems.raft.snapshot import Snapshots


class ReadWithoutReadIndex(RaftNode):
    """Reads at once while its role is leader.

    Misconception: my role is current. Isolate the leader: its clients read old values while the others elect and write.
    """

    class Unconfirmed(Reads):
        def needs_no_round(self) -> bool:
            return True

    reads_type = Unconfirmed


class ReadIndexBeforeOwnCommit(RaftNode):
    """A new leader reads at its commit index at once (against §8, dissertation §6.4).

    Misconception: the commit index is current. Isolate the leader: the new one does not know yet that the last
    acknowledged writes are committed: a stale read.
    """

    class Hasty(Reads):
        def read_index(self) -> int | None:
            return self._server.commit_index

    reads_type = Hasty


class LeaseUnderSkew(RaftNode):
    """Serves reads under a lease by its own clock.

    Misconception: drift is bounded. A slow or set-back clock, or a pause between looking at it and answering, lets an
    isolated leader read old values.
    """

    settings = Settings(lease_reads=True)


class NoSessionDedup(RaftNode):
    """Executes every command that arrives.

    Misconception: a retry is new. Lose a reply and retry: appended or added twice, a cas that fails on its own success.
    """

    def has_answered(self, request: Request) -> bool:
        return False


class SessionExpiryLocalClock(RaftNode):
    """Expires sessions by each replica's own clock.

    Misconception: replicas agree on time. With a skewed clock one replica forgets a session that others keep; a retry
    is executed there only: replicas differ. Its expiry is short, so that a skew of a second shows it.
    """

    settings = Settings(session_expiry_ms=1000.0)

    def session_time_ms(self, log_time_ms: float) -> float:
        return self.ctx.now_ms()


class SnapshotOverwritesNewer(RaftNode):
    """Installs every snapshot that comes (against figure 13, step 6).

    Misconception: a snapshot is ahead. A delayed or repeated InstallSnapshot throws away entries acknowledged since: a
    lost acknowledged write.
    """

    class Overwriting(Snapshots):
        def has_all_of(self, message: InstallSnapshot) -> bool:
            return False

        def entries_after(self, message: InstallSnapshot) -> tuple[Entry, ...]:
            return ()

    snapshots_type = Overwriting


class SingleServerChange(RaftNode):
    """Changes membership before it committed an entry of its term.

    Misconception: old configurations cannot overlap. The bug of Raft's dissertation (Ongaro, raft-dev, July 2015): two
    leaders, each cut off in turn, change one server each, from one configuration; the majorities of the two results do
    not overlap: split brain.
    """

    class Impatient(Membership):
        def may_start_change(self) -> bool:
            return True

    membership_type = Impatient
