"""Log replication (§5.3) and the commit rule (§5.4.2)."""

from __future__ import annotations

from abc import ABC

from targets.node import NodeId, Request
from targets.raft.machine import Refusal
from targets.raft.messages import AppendEntries, AppendEntriesReply, Entry
from targets.raft.sessions import ClusterClock
from targets.raft.state import Server

HEARTBEAT = "heartbeat"
DURABLE = "durable"


class Replication(Server, ABC):
    def __init__(self) -> None:
        super().__init__()
        self.round = 0
        """Number of this leader's latest round of AppendEntries."""

    # Leader

    def start_leading(self) -> None:
        """A new leader commits a no-op of its own term: before that it cannot know what is committed (§8)."""
        self.next_index = dict.fromkeys(self.peers, self.log.last_index + 1)
        self.match_index = dict.fromkeys(self.peers, 0)
        self.round = 0
        log_ms = self.log.entries[-1].time_ms if self.log.entries else self.cluster_clock.time_ms
        self.cluster_clock = ClusterClock(log_ms, self.ctx.now_ms(), 2 * self.settings.heartbeat_ms)
        self.propose()
        self.ctx.set_timer(HEARTBEAT, self.settings.heartbeat_ms)

    def stop_leading(self) -> None:
        """Whoever waits for an entry learns that nobody knows: a later leader may still commit it."""
        self.ctx.cancel_timer(HEARTBEAT)
        for request in self.waiting.values():
            self.ctx.info(request, "leadership was lost before the operation committed")
        self.waiting.clear()

    def propose(self, request: Request | None = None, configuration: tuple[NodeId, ...] | None = None) -> None:
        """Append an entry, durable before it is sent: the leader counts itself in the majority."""
        time_ms = self.cluster_clock.advance(self.ctx.now_ms())
        index = self.log.append(Entry(self.current_term, time_ms, request, configuration))
        if request is not None:
            self.waiting[index] = request
        self.persist_entries(index)
        for peer in self.peers:
            self.replicate_to(peer)
        if self.is_quorum([self.me]):
            # nobody to wait for but the disk: the timer is set behind the sync
            self.ctx.set_timer(DURABLE, 0)

    def on_heartbeat_timeout(self) -> None:
        if self.role == "leader":
            self.cluster_clock.advance(self.ctx.now_ms())
            for peer in self.peers:
                self.replicate_to(peer)
            self.ctx.set_timer(HEARTBEAT, self.settings.heartbeat_ms)

    def replicate_to(self, peer: NodeId) -> None:
        """Send what follows next_index, or the snapshot when the log no longer has it (§7)."""
        next_index = self.next_index.setdefault(peer, self.log.last_index + 1)
        if next_index <= self.log.base_index:
            self.send_snapshot(peer)
        else:
            entries = self.log.after(next_index - 1, self.settings.entries_per_message_max)
            self._send_append(peer, next_index - 1, entries)

    def send_heartbeats(self) -> None:
        """Empty AppendEntries to all: who answers still knew this leader when they were sent."""
        self.round += 1
        for peer in self.peers:
            next_index = self.next_index.setdefault(peer, self.log.last_index + 1)
            self._send_append(peer, max(next_index - 1, self.log.base_index), ())

    def _send_append(self, peer: NodeId, prev: int, entries: tuple[Entry, ...]) -> None:
        term = self.current_term
        message = AppendEntries(term, self.me, prev, self.log.term(prev), entries, self.commit_index, self.round)
        self.ctx.send(peer, message)

    def on_append_entries_reply(self, sender: NodeId, message: AppendEntriesReply) -> None:
        if message.term > self.current_term:
            self.become_follower(message.term)
        if self.role != "leader" or message.term != self.current_term:
            return
        if message.success:
            self.advance_match_index(sender, message.match_index)
        else:
            self.go_back(sender, message.conflict_index)
        self.confirm_leadership(sender, message.round)

    def go_back(self, peer: NodeId, conflict_index: int) -> None:
        """§5.3: the follower's log is shorter or differs: try earlier. A repeated answer has no effect."""
        next_index = self.next_index.get(peer, 1)
        back = max(min(conflict_index, next_index - 1), self.match_index.get(peer, 0) + 1)
        if back < next_index:
            self.next_index[peer] = back
            self.replicate_to(peer)

    def advance_match_index(self, peer: NodeId, match_index: int) -> None:
        """A follower's log is known to equal this one up to `match_index`; if that is news, send what follows."""
        match_index = min(match_index, self.log.last_index)
        if match_index <= self.match_index.get(peer, 0):
            return
        self.match_index[peer] = match_index
        self.next_index[peer] = max(self.next_index.get(peer, 1), match_index + 1)
        self.advance_commit_index()
        if self.role == "leader" and self.next_index[peer] <= self.log.last_index:
            self.replicate_to(peer)

    def on_durable(self) -> None:
        """A leader that is a majority alone has synced what it appended."""
        if self.role == "leader":
            self.advance_commit_index()

    def advance_commit_index(self) -> None:
        """§5.3, §5.4.2: if a majority has matchIndex >= N and log[N].term == currentTerm, N is committed."""
        for n in range(self.log.last_index, self.commit_index, -1):
            if not self.may_count_replicas(n):
                return
            if self.is_quorum([self.me, *[peer for peer, match in self.match_index.items() if match >= n]]):
                self.commit_index = n
                self.apply_committed()
                return

    def may_count_replicas(self, n: int) -> bool:
        """§5.4.2: only entries of the current term are committed by counting replicas; others follow."""
        return self.log.term(n) == self.current_term

    def has_committed_in_its_term(self) -> bool:
        return self.log.term(self.commit_index) == self.current_term

    # Follower

    def on_append_entries(self, sender: NodeId, message: AppendEntries) -> None:
        if message.term < self.current_term:
            self._answer_append(sender, message, success=False)
            return
        self.recognize_leader(message.term, message.leader_id)
        if not self.matches_previous(message):
            self._answer_append(sender, message, success=False)
            return
        changed = self.merge_entries(message.prev_log_index, message.entries)
        if changed is not None:
            self.persist_entries(changed)
        self.commit_index = max(self.commit_index, min(message.leader_commit, self.commit_bound(message)))
        self.apply_committed()
        self._answer_append(sender, message, success=True)

    def matches_previous(self, message: AppendEntries) -> bool:
        """§5.3: the log has an entry at prevLogIndex, of prevLogTerm. What a snapshot replaced was committed."""
        prev = message.prev_log_index
        if prev <= self.log.base_index:
            return True
        return prev <= self.log.last_index and self.log.term(prev) == message.prev_log_term

    def merge_entries(self, prev_log_index: int, entries: tuple[Entry, ...]) -> int | None:
        """§5.3: an entry that conflicts (same index, other term) goes, with all behind it; new ones are appended.

        Entries that are there already stay, with what follows: the message may be an old one that was delayed.
        Returns the index from which the log changed, None if it did not.
        """
        for index, entry in enumerate(entries, prev_log_index + 1):
            if index <= self.log.base_index:
                continue
            if index <= self.log.last_index:
                if self.log.term(index) == entry.term:
                    continue
                self.log.truncate_from(index)
            for new in entries[index - prev_log_index - 1 :]:
                self.log.append(new)
            return index
        return None

    def commit_bound(self, message: AppendEntries) -> int:
        """§5.3: at most the index of the last new entry: only up to there the log is known to be the leader's."""
        return message.prev_log_index + len(message.entries)

    def verified_match_index(self, message: AppendEntries) -> int:
        """How far this message proves the log to equal the leader's; a longer tail proves nothing."""
        return message.prev_log_index + len(message.entries)

    def _answer_append(self, sender: NodeId, message: AppendEntries, success: bool) -> None:
        match_index = self.verified_match_index(message) if success else 0
        conflict_index = 0 if success else self._conflict_index(message.prev_log_index)
        self.ctx.send(
            sender, AppendEntriesReply(self.current_term, success, match_index, conflict_index, message.round)
        )

    def _conflict_index(self, prev_log_index: int) -> int:
        """Where the leader should try next: behind this log's end, or at the first entry of the conflicting term."""
        if prev_log_index > self.log.last_index:
            return self.log.last_index + 1
        index = max(prev_log_index, self.log.base_index + 1)
        term = self.log.term(index)
        while index > self.log.base_index + 1 and self.log.term(index - 1) == term:
            index -= 1
        return index

    # All servers

    def session_time_ms(self, log_time_ms: float) -> float:
        """What time it is when an entry is applied: the time in the entry, the same on all replicas."""
        return log_time_ms

    def has_answered(self, request: Request) -> bool:
        """Whether this command was executed before: a retry is not executed again (dissertation §6.3)."""
        return self.sessions.has_answered(request)

    def execute(self, entry: Entry) -> object:
        """Apply a command to the state machine, once per request id; returns its output."""
        request = entry.request
        if request is None or entry.configuration is not None:
            return entry.configuration
        now_ms = self.session_time_ms(entry.time_ms)
        self.sessions.expire(now_ms - self.settings.session_expiry_ms)
        if self.has_answered(request):
            return self.sessions.answer(request)
        output = self.machine.apply(request.f, request.key, request.input)
        self.sessions.remember(request, output, now_ms)
        return output

    def answer(self, request: Request, output: object) -> None:
        if isinstance(output, Refusal):
            self.ctx.fail(request, output.error)
        else:
            self.ctx.reply(request, output)
