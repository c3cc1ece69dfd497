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

    Misconception: a server knows whether it is still leader. Isolate the leader: its clients read old values while the
    other servers elect another one and write.
    """

    class Unconfirmed(Reads):
        def needs_no_round(self) -> bool:
            return True

    reads_type = Unconfirmed


class ReadIndexBeforeOwnCommit(RaftNode):
    """A new leader reads at its commit index at once (against §8, dissertation §6.4).

    Misconception: a new leader's commit index is current. Isolate the leader: the new one does not know yet that the
    last acknowledged writes are committed: a stale read.
    """

    class Hasty(Reads):
        def read_index(self) -> int | None:
            return self._server.commit_index

    reads_type = Hasty


class LeaseUnderSkew(RaftNode):
    """Serves reads under a lease by its own clock.

    Misconception: clock drift is bounded. A slow clock, one that was set back, or a pause between reading it and
    answering, lets an isolated leader return old values.
    """

    settings = Settings(lease_reads=True)


class NoSessionDedup(RaftNode):
    """Executes every command that arrives.

    Misconception: a retry is a new request. Lose a reply and retry: a value is appended or added twice, or a cas fails
    because it had already succeeded.
    """

    def has_answered(self, request: Request) -> bool:
        return False


class SessionExpiryLocalClock(RaftNode):
    """Expires sessions by each replica's own clock.

    Misconception: all replicas have the same time. With a skewed clock one replica forgets a session that the others
    keep; a retry is executed only there: replicas differ. Sessions expire soon here, so that a skew of a second
    suffices.
    """

    settings = Settings(session_expiry_ms=1000.0)

    def session_time_ms(self, log_time_ms: float) -> float:
        return self.ctx.now_ms()


class SnapshotOverwritesNewer(RaftNode):
    """Installs every snapshot that arrives (against figure 13, step 6).

    Misconception: a snapshot is newer than the log. A delayed or repeated InstallSnapshot discards entries that were
    acknowledged since: a lost acknowledged write.
    """

    class Overwriting(Snapshots):
        def has_all_of(self, message: InstallSnapshot) -> bool:
            return False

        def entries_after(self, message: InstallSnapshot) -> tuple[Entry, ...]:
            return ()

    snapshots_type = Overwriting


class SingleServerChange(RaftNode):
    """Changes the membership before an entry of its own term is committed.

    Misconception: majorities of two successive configurations always overlap. This is the bug in Raft's dissertation
    (Ongaro, raft-dev, July 2015): two leaders, each partitioned in turn, change one server each, starting from one
    configuration; the majorities of the two results do not overlap: split brain.
    """

    class Impatient(Membership):
        def may_start_change(self) -> bool:
            return True

    membership_type = Impatient
