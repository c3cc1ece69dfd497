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

    Misconception: a majority is committed. An earlier term's entry on a majority can still be overwritten by a leader
    whose last entry is of a term between. Needs three leaderships in a row, each cut off or killed: an acknowledged
    write is lost.
    """

    def may_count_replicas(self, n: int) -> bool:
        return True


class VotedForVolatile(RaftNode):
    """Keeps votedFor in memory only.

    Misconception: one vote in memory. A voter that crashes in an election votes twice: two leaders in one term, split
    brain.
    """

    def hard_state(self) -> HardState:
        return HardState(self.current_term, None)


class TermVolatile(RaftNode):
    """Keeps currentTerm in memory only.

    Misconception: the term is relearned. After a crash the server takes part in old terms again, and votes in them: two
    leaders in one term, split brain.
    """

    def hard_state(self) -> HardState:
        return HardState(0, None)


class LogUnsynced(RaftNode):
    """Acknowledges entries that are written but not synced.

    Misconception: acknowledged is durable. Power loss on a majority loses acknowledged writes.
    """

    def persist_entries(self, first_index: int) -> None:
        self.storage.append_entries(first_index, self.log.after(first_index - 1))


class NoElectionRestriction(RaftNode):
    """Votes for any candidate (against §5.4.1).

    Misconception: any voter qualifies. Isolate the leader while a follower lags, and let that follower win: it
    overwrites acknowledged writes.
    """

    def is_up_to_date(self, last_log_index: int, last_log_term: int) -> bool:
        return True


class TruncateOnAnyAppend(RaftNode):
    """Cuts the log after what any AppendEntries brings.

    Misconception: a message is the latest. A delayed or repeated message cuts off entries that were acknowledged since:
    a lost acknowledged write.
    """

    def merge_entries(self, prev_log_index: int, entries: tuple[Entry, ...]) -> int | None:
        keep = max(prev_log_index, self.log.base_index)
        self.log.truncate_from(keep + 1)
        for entry in entries[keep - prev_log_index :]:
            self.log.append(entry)
        return keep + 1


class NoPreviousTermCheck(RaftNode):
    """Checks only that the log is long enough (against §5.3).

    Misconception: an index identifies an entry. An isolated leader's uncommitted tail is taken for the new leader's
    entries: replicas apply different commands.
    """

    def matches_previous(self, message: AppendEntries) -> bool:
        return message.prev_log_index <= self.log.last_index


class MatchFromLogEnd(RaftNode):
    """Acknowledges its whole log.

    Misconception: my tail is verified. An isolated leader's uncommitted tail counts as a copy of the new leader's
    entries: acknowledged writes are lost.
    """

    def verified_match_index(self, message: AppendEntries) -> int:
        return self.log.last_index


class CommitToOwnLast(RaftNode):
    """Commits up to min(leaderCommit, its own last index) (against §5.3, figure 2).

    Misconception: the tail is verified. A heartbeat makes an isolated leader's uncommitted tail committed on it:
    replicas apply different commands.
    """

    def commit_bound(self, message: AppendEntries) -> int:
        return self.log.last_index


class MajorityOfLive(RaftNode):
    """A majority of the servers that sent something of late is enough.

    Misconception: unreachable is absent. Both sides of a partition go on.
    """

    LIVE_MS = 300.0

    def __init__(self) -> None:
        super().__init__()
        self._heard_ms: dict[NodeId, float] = {}

    def receive(self, sender: NodeId, message: Message) -> None:
        self._heard_ms[sender] = self.ctx.now_ms()
        super().receive(sender, message)

    def is_quorum(self, servers: Collection[NodeId]) -> bool:
        since_ms = self.ctx.now_ms() - self.LIVE_MS
        live = [peer for peer in self.peers if self._heard_ms.get(peer, self.LIVE_MS * -1) >= since_ms]
        return sum(peer in servers for peer in [self.me, *live]) >= majority([self.me, *live])


class NoCheckQuorum(RaftNode):
    """Leads for as long as no server of a newer term says otherwise (against dissertation §6.2).

    Misconception: a leader that is heard leads. Its heartbeats keep the followers loyal, and none of their answers
    arrives: a leader that can send and not receive commits nothing, and no other server is elected.
    """

    class Unchecked(CheckQuorum):
        def check(self) -> None:
            self.await_answers()

    check_quorum_type = Unchecked


class ClearVotedForOnStepDown(RaftNode):
    """Benign: a candidate that recognizes its term's leader forgets its vote.

    Misconception: a vote is over when its election is. It looks like a bug and is harmless: the leader of the term has
    a majority of votes already, and none of them is this one.
    """

    def recognize_leader(self, leader_id: NodeId) -> None:
        if self.role == "candidate":
            self.voted_for = None
        super().recognize_leader(leader_id)
