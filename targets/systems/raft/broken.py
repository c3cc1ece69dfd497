"""Broken servers, each one decision away from RaftNode: elections, durability, replication and commitment."""

from __future__ import annotations

from collections.abc import Collection

from targets.protocol.node import Message, NodeId
from targets.systems.majority import majority
from targets.systems.raft.check_quorum import CheckQuorum
from targets.systems.raft.messages import AppendEntries, Entry
from targets.systems.raft.node import RaftNode
from targets.systems.raft.storage import HardState


class CommitPriorTerm(RaftNode):
    """Counts replicas of an entry of any term (against §5.4.2; figure 8 of the paper).

    Misconception: an entry on a majority is committed. One of an earlier term can still be overwritten by a leader
    whose last entry is of a term in between. It takes three leaderships in a row, each partitioned or killed: an
    acknowledged write is lost.
    """

    def may_count_replicas(self, n: int) -> bool:
        return True


class VotedForVolatile(RaftNode):
    """Keeps votedFor in memory only.

    Misconception: a vote may be kept in memory. A voter that crashes during an election votes twice: two leaders in one
    term, split brain.
    """

    def hard_state(self) -> HardState:
        return HardState(self.current_term, None)


class TermVolatile(RaftNode):
    """Keeps currentTerm in memory only.

    Misconception: a restarted server learns the term again. It takes part in old terms until then, and votes in them:
    two leaders in one term, split brain.
    """

    def hard_state(self) -> HardState:
        return HardState(0, None)


class LogUnsynced(RaftNode):
    """Acknowledges entries that are written but not synced.

    Misconception: written data is durable. A power loss on a majority loses acknowledged writes.
    """

    def persist_entries(self, first_index: int) -> None:
        self.storage.append_entries(first_index, self.log.after(first_index - 1))


class NoElectionRestriction(RaftNode):
    """Votes for any candidate (against §5.4.1).

    Misconception: any server may become leader. Isolate the leader while a follower's log lags, and let that follower
    win: it overwrites acknowledged writes.
    """

    def is_up_to_date(self, last_log_index: int, last_log_term: int) -> bool:
        return True


class TruncateOnAnyAppend(RaftNode):
    """Cuts the log after the last entry of every AppendEntries.

    Misconception: the message that arrives last was sent last. A delayed or repeated message removes entries that were
    acknowledged since: a lost acknowledged write.
    """

    def merge_entries(self, prev_log_index: int, entries: tuple[Entry, ...]) -> int | None:
        keep = max(prev_log_index, self.log.base_index)
        self.log.truncate_from(keep + 1)
        for entry in entries[keep - prev_log_index :]:
            self.log.append(entry)
        return keep + 1


class NoPreviousTermCheck(RaftNode):
    """Checks only that the log is long enough (against §5.3).

    Misconception: an index identifies an entry. The uncommitted tail of an isolated leader is taken for the new
    leader's entries: replicas apply different commands.
    """

    def matches_previous(self, message: AppendEntries) -> bool:
        return message.prev_log_index <= self.log.last_index


class MatchFromLogEnd(RaftNode):
    """Acknowledges its whole log.

    Misconception: the whole log matches the leader's. The uncommitted tail of an isolated leader counts as a copy of
    the new leader's entries: acknowledged writes are lost.
    """

    def verified_match_index(self, message: AppendEntries) -> int:
        return self.log.last_index


class CommitToOwnLast(RaftNode):
    """Commits up to its own last index (against min(leaderCommit, index of last new entry), figure 2).

    Misconception: a heartbeat confirms the whole log. It makes the uncommitted tail of an isolated leader committed
    there: replicas apply different commands.
    """

    def commit_bound(self, message: AppendEntries) -> int:
        return self.log.last_index


class MajorityOfLive(RaftNode):
    """A majority of the servers that sent something recently is enough.

    Misconception: an unreachable server is dead. It may be on the other side of a partition, where it does the same:
    both sides continue.
    """

    LIVE_MS = 300.0

    def __init__(self) -> None:
        super().__init__()
        self._received_ms: dict[NodeId, float] = {}

    def receive(self, sender: NodeId, message: Message) -> None:
        self._received_ms[sender] = self.ctx.now_ms()
        super().receive(sender, message)

    def is_quorum(self, servers: Collection[NodeId]) -> bool:
        since_ms = self.ctx.now_ms() - self.LIVE_MS
        live = [peer for peer in self.peers if self._received_ms.get(peer, self.LIVE_MS * -1) >= since_ms]
        return sum(peer in servers for peer in [self.me, *live]) >= majority([self.me, *live])


class NoCheckQuorum(RaftNode):
    """Stays leader until a server of a newer term replies (against dissertation §6.2).

    Misconception: a leader whose heartbeats arrive is able to lead. They stop the followers from electing another
    server, but no answer arrives: a leader that can send and not receive commits nothing.
    """

    class Unchecked(CheckQuorum):
        def check(self) -> None:
            self.await_answers()

    check_quorum_type = Unchecked


class ClearVotedForOnStepDown(RaftNode):
    """Benign: a candidate that recognizes its term's leader forgets its vote.

    Misconception: a vote ends with its election. It looks like a bug and is harmless: the leader of the term already
    has a majority of votes, and this candidate's is not among them.
    """

    def recognize_leader(self, leader_id: NodeId) -> None:
        if self.role == "candidate":
            self.voted_for = None
        super().recognize_leader(leader_id)
