"""The core of Raft, to be read beside figure 2 of the paper (Ongaro and Ousterhout 2014, cited by §).

State, the two RPCs and the rules for servers stand here in the order of the figure, and run alone: `Raft` is a node
that elects leaders, replicates a log and answers clients. What the paper and Ongaro's dissertation add to the figure
is one file each (sessions, reads, snapshots, membership, transfer, pre-vote, CheckQuorum); `RaftNode` in node.py puts
them around this core. Replies are messages of their own, since a network may lose, repeat or delay them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal

from targets.protocol.node import Context, LogCell, Message, NodeId, Request, Timer
from targets.systems.majority import majority
from targets.systems.raft.log import Log
from targets.systems.raft.machine import QUERIES, Refusal, StateMachine
from targets.systems.raft.messages import AppendEntries, AppendEntriesReply, Entry, RequestVote, RequestVoteReply
from targets.systems.raft.settings import Settings
from targets.systems.raft.storage import HardState, Storage

Role = Literal["follower", "candidate", "leader"]

ELECTION = "election"
HEARTBEAT = "heartbeat"
DURABLE = "durable"

VALUES_SHOWN = 8
"""Keys that a view shows."""


class Raft:
    """One server. `settings` may differ from the defaults, alike on all servers."""

    settings: Settings = Settings()
    ctx: Context
    me: NodeId

    machine_type: type[StateMachine] = StateMachine
    """What is replicated."""

    def __init__(self, settings: Settings | None = None) -> None:
        if settings is not None:
            self.settings = settings
        # Persistent state on all servers: on stable storage before an RPC is answered.
        self.current_term = 0
        self.voted_for: NodeId | None = None
        self.log: Log
        # Volatile state on all servers.
        self.commit_index = 0
        self.last_applied = 0
        # Volatile state on leaders, initialised after each election.
        self.next_index: dict[NodeId, int] = {}
        self.match_index: dict[NodeId, int] = {}
        # Not in the figure, but in its rules.
        self.role: Role = "follower"
        self.leader_id: NodeId | None = None
        self.votes: set[NodeId] = set()
        self.machine = self.machine_type()
        self.waiting: dict[int, Request] = {}
        """By index, the clients' commands to be answered when the entry there is applied."""
        self.round = 0
        """Number of this leader's latest round of AppendEntries; stays 0 without the extension for reads."""
        self.rpcs: dict[type[Message], Callable[[NodeId, Any], None]] = {
            RequestVote: self.on_request_vote,
            RequestVoteReply: self.on_request_vote_reply,
            AppendEntries: self.on_append_entries,
            AppendEntriesReply: self.on_append_entries_reply,
        }
        """Each carries its sender's current term."""

    # The node's three inputs.

    def start(self, ctx: Context) -> None:
        self.ctx, self.me = ctx, ctx.me
        self.recover()
        self.reset_election_timer()

    def receive(self, sender: NodeId, message: Message) -> None:
        handle = self.rpcs.get(type(message))
        if handle is None:
            self.on_other(sender, message)
            return
        # All servers: if RPC request or response contains term T > currentTerm: set currentTerm = T, convert to
        # follower (§5.1). A server that has seen a newer term must not act in an older one, whatever it was doing.
        term: int = message.term  # type: ignore[attr-defined]
        if term > self.current_term and self.heeds(message):
            self.become_follower(term)
        handle(sender, message)

    def timeout(self, timer: Timer) -> None:
        if timer == ELECTION:
            self.on_election_timeout()
        elif timer == HEARTBEAT:
            self.on_heartbeat_timeout()
        elif timer == DURABLE and self.role == "leader":
            self.advance_commit_index()

    def on_other(self, sender: NodeId, message: Message) -> None:
        """Messages other than the RPCs of the figure: here only a client's request."""
        assert isinstance(message, Request)
        self.on_request(message)

    def heeds(self, message: Message) -> bool:
        """Whether the term of a message counts. In the figure every one does."""
        return True

    # Persistent state.

    def hard_state(self) -> HardState:
        """What must survive beside the log: a server that forgot its term or its vote could vote twice in a term."""
        return HardState(self.current_term, self.voted_for)

    def persist_term_and_vote(self) -> None:
        self.storage.save_hard_state(self.hard_state())

    def persist_entries(self, first_index: int) -> None:
        """The log from `first_index` on. Durable before it is counted: by the leader, or by the receiver of the
        reply."""
        self.storage.append_entries(first_index, self.log.after(first_index - 1))
        self.storage.sync()

    def recover(self) -> None:
        self.storage = Storage(self.ctx.disk)
        found = self.storage.recover(self.ctx.nodes)
        self.log, self.voted_for = found.log, found.hard_state.voted_for
        self.recovered_state = found.state
        self.current_term = max(found.hard_state.current_term, self.log.last_term)

    # RequestVote RPC (§5.2, §5.4).

    def on_request_vote(self, sender: NodeId, message: RequestVote) -> None:
        if self.grants_vote(message):
            self.voted_for = message.candidate_id
            # Before the reply leaves: after a crash the vote could otherwise be given to another candidate.
            self.persist_term_and_vote()
            self.reset_election_timer()
        granted = message.term == self.current_term and self.voted_for == message.candidate_id
        self.ctx.send(sender, RequestVoteReply(self.current_term, granted))

    def grants_vote(self, message: RequestVote) -> bool:
        """1. Reply false if term < currentTerm. 2. If votedFor is null or candidateId, and the candidate's log is at
        least as up-to-date as this one, grant the vote. (A vote that was given is confirmed by the caller.)"""
        return (
            message.term == self.current_term
            and self.voted_for is None
            and self.role == "follower"
            and self.is_up_to_date(message.last_log_index, message.last_log_term)
        )

    def is_up_to_date(self, last_log_index: int, last_log_term: int) -> bool:
        """§5.4.1, the election restriction. The winner has every committed entry: a majority holds the entry, a
        majority votes, and the server in both votes for no log that lacks it. Terms compare before lengths."""
        return (last_log_term, last_log_index) >= (self.log.last_term, self.log.last_index)

    # AppendEntries RPC (§5.3).

    def on_append_entries(self, sender: NodeId, message: AppendEntries) -> None:
        # 1. Reply false if term < currentTerm: the sender was deposed and does not know it yet.
        if message.term < self.current_term:
            self.answer_append(sender, message, success=False)
            return
        self.recognize_leader(message.leader_id)
        # 2. Reply false if the log has no entry at prevLogIndex whose term matches prevLogTerm.
        if not self.matches_previous(message):
            self.answer_append(sender, message, success=False)
            return
        # 3. and 4.
        changed = self.merge_entries(message.prev_log_index, message.entries)
        if changed is not None:
            self.persist_entries(changed)
        # 5. If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry).
        self.commit_index = max(self.commit_index, min(message.leader_commit, self.commit_bound(message)))
        self.apply_committed()
        self.answer_append(sender, message, success=True)

    def matches_previous(self, message: AppendEntries) -> bool:
        """Entries of equal index and term were made by one leader, which made one entry there: so the logs are equal
        up to this point (log matching). What a snapshot replaced was committed, so it matches."""
        prev = message.prev_log_index
        if prev <= self.log.base_index:
            return True
        return prev <= self.log.last_index and self.log.term(prev) == message.prev_log_term

    def merge_entries(self, prev_log_index: int, entries: tuple[Entry, ...]) -> int | None:
        """3. If an existing entry conflicts with a new one (same index but different terms), delete the existing entry
        and all that follow it. 4. Append any new entries not already in the log.

        Only a conflict deletes: a message may be an old one that was delayed, and entries after it were acknowledged
        since. Returns the index from which the log changed, None if it did not.
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
        """The index of the last new entry. What follows it in this log was not compared with the leader's and may
        differ, so leaderCommit does not cover it."""
        return message.prev_log_index + len(message.entries)

    def verified_match_index(self, message: AppendEntries) -> int:
        """How far this message shows the log to equal the leader's; a longer tail was not compared."""
        return message.prev_log_index + len(message.entries)

    def answer_append(self, sender: NodeId, message: AppendEntries, success: bool) -> None:
        match_index = self.verified_match_index(message) if success else 0
        conflict_index = 0 if success else self.conflict_index(message.prev_log_index)
        reply = AppendEntriesReply(self.current_term, success, match_index, conflict_index, message.round)
        self.ctx.send(sender, reply)

    def conflict_index(self, prev_log_index: int) -> int:
        """Where the leader should try next (§5.3, end): after this log's end, or at the first entry of the term that
        conflicts. It only saves round trips."""
        if prev_log_index > self.log.last_index:
            return self.log.last_index + 1
        index = max(prev_log_index, self.log.base_index + 1)
        term = self.log.term(index)
        while index > self.log.base_index + 1 and self.log.term(index - 1) == term:
            index -= 1
        return index

    # Rules for servers: all servers.

    def is_quorum(self, servers: Collection[NodeId]) -> bool:
        """Whether these servers include a majority of the members. Any two majorities share a server: that is what
        elections and commitment rest on."""
        members = self.log.configuration
        return len([member for member in members if member in servers]) >= majority(members)

    @property
    def peers(self) -> list[NodeId]:
        """The other members."""
        return [member for member in self.log.configuration if member != self.me]

    def become_follower(self, term: int) -> None:
        """Follow, in a newer term if `term` is one. A vote belongs to its term, so both change together."""
        was_leader = self.role == "leader"
        if term > self.current_term:
            self.current_term = term
            self.voted_for = None
            self.leader_id = None
            self.persist_term_and_vote()
        self.role = "follower"
        if was_leader:
            self.leader_id = None
            self.stop_leading()
            self.reset_election_timer()

    def apply_committed(self) -> None:
        """If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] to the state machine (§5.3)."""
        for index in range(self.last_applied + 1, min(self.commit_index, self.log.last_index) + 1):
            self.last_applied = index
            output = self.execute(self.log.entry(index))
            # Leaders: respond after the entry is applied to the state machine.
            request = self.waiting.pop(index, None)
            if request is not None:
                self.answer(request, output)

    def execute(self, entry: Entry) -> object:
        """Carry out one entry. The core sends reads through the log too; the no-op of a new leader does nothing."""
        request = entry.request
        if request is None:
            return None
        if request.f in QUERIES:
            return self.machine.query(request.key, request.input)
        return self.machine.apply(request.f, request.key, request.input)

    def answer(self, request: Request, output: object) -> None:
        if isinstance(output, Refusal):
            self.ctx.fail(request, output.error)
        else:
            self.ctx.reply(request, output)

    # Rules for servers: followers (§5.2).

    def reset_election_timer(self) -> None:
        """Random, so that rarely two servers campaign at once."""
        low, high = self.settings.election_timeout_ms_min, self.settings.election_timeout_ms_max
        self.ctx.set_timer(ELECTION, self.ctx.random.uniform(low, high))

    def on_election_timeout(self) -> None:
        """No AppendEntries from the current leader and no vote granted for an election timeout: become a candidate."""
        self.leader_id = None
        self.start_election()

    def recognize_leader(self, leader_id: NodeId) -> None:
        """AppendEntries of the current term came. A candidate of this term has lost, and follows."""
        self.role = "follower"
        self.leader_id = leader_id
        self.reset_election_timer()

    # Rules for servers: candidates (§5.2).

    def start_election(self, leadership_transfer: bool = False) -> None:
        """Increment currentTerm, vote for self, reset election timer, send RequestVote RPCs to all other servers."""
        self.role = "candidate"
        self.leader_id = None
        self.current_term += 1
        self.voted_for = self.me
        self.persist_term_and_vote()
        self.reset_election_timer()
        self.votes = {self.me}
        self.ask_for_votes(leadership_transfer)
        self.count_votes()

    def ask_for_votes(self, leadership_transfer: bool = False) -> None:
        """Ask the servers that have not voted for this one, and again after a heartbeat: RPCs are retried (§5.1)."""
        last_index, last_term = self.log.last_index, self.log.last_term
        for peer in self.peers:
            if peer not in self.votes:
                message = RequestVote(self.current_term, self.me, last_index, last_term, leadership_transfer)
                self.ctx.send(peer, message)
        self.ctx.set_timer(HEARTBEAT, self.settings.heartbeat_ms)

    def on_request_vote_reply(self, sender: NodeId, message: RequestVoteReply) -> None:
        # Only a vote for this term counts: one for an earlier candidacy may have been given to another since.
        if self.role == "candidate" and message.vote_granted and message.term == self.current_term:
            self.votes.add(sender)
            self.count_votes()

    def count_votes(self) -> None:
        """If votes received from majority of servers: become leader."""
        if self.is_quorum(self.votes):
            self.role = "leader"
            self.leader_id = self.me
            self.ctx.cancel_timer(ELECTION)
            self.start_leading()

    # Rules for servers: leaders (§5.3, §5.4).

    def start_leading(self) -> None:
        """A new leader commits a no-op of its own term: before that it cannot know what is committed (§8)."""
        self.next_index = dict.fromkeys(self.peers, self.log.last_index + 1)
        self.match_index = dict.fromkeys(self.peers, 0)
        self.round = 0
        self.propose()
        self.ctx.set_timer(HEARTBEAT, self.settings.heartbeat_ms)

    def stop_leading(self) -> None:
        """The outcome of what waits is unknown: a later leader may still commit it."""
        self.ctx.cancel_timer(HEARTBEAT)
        for request in self.waiting.values():
            self.ctx.info(request, "leadership was lost before the operation committed")
        self.waiting.clear()

    def on_heartbeat_timeout(self) -> None:
        """Upon election and during idle periods, AppendEntries to each server. It also repeats what was lost."""
        if self.role == "candidate":
            self.ask_for_votes()
        elif self.role == "leader":
            for peer in self.peers:
                self.replicate_to(peer)
            self.ctx.set_timer(HEARTBEAT, self.settings.heartbeat_ms)

    def on_request(self, request: Request) -> None:
        """If command received from client: append entry to local log, respond after it is applied."""
        if self.role == "leader":
            self.propose(request)
        else:
            self.ctx.fail(request, "not the leader", leader=self.leader_id)

    def propose(self, request: Request | None = None, configuration: tuple[NodeId, ...] | None = None) -> None:
        """Append an entry, durable before it is sent: the leader counts itself in the majority."""
        index = self.log.append(Entry(self.current_term, self.entry_time_ms(), request, configuration))
        if request is not None:
            self.waiting[index] = request
        self.persist_entries(index)
        for peer in self.peers:
            self.replicate_to(peer)
        if self.is_quorum([self.me]):
            # No reply will come. The timer waits for the sync: what is not durable must not be counted.
            self.ctx.set_timer(DURABLE, 0)

    def entry_time_ms(self) -> float:
        """The cluster's time, for sessions (dissertation §6.3); the core has none."""
        return 0.0

    def replicate_to(self, peer: NodeId) -> None:
        """If last log index >= nextIndex for a follower: send AppendEntries with entries starting at nextIndex."""
        next_index = self.next_index.setdefault(peer, self.log.last_index + 1)
        self.send_append(peer, next_index - 1, self.log.after(next_index - 1, self.settings.entries_per_message_max))

    def send_append(self, peer: NodeId, prev: int, entries: tuple[Entry, ...]) -> None:
        term = self.current_term
        message = AppendEntries(term, self.me, prev, self.log.term(prev), entries, self.commit_index, self.round)
        self.ctx.send(peer, message)

    def on_append_entries_reply(self, sender: NodeId, message: AppendEntriesReply) -> None:
        if self.role != "leader" or message.term != self.current_term:
            return
        if message.success:
            self.advance_match_index(sender, message.match_index)
        else:
            self.go_back(sender, message.conflict_index)

    def advance_match_index(self, peer: NodeId, match_index: int) -> None:
        """If successful: update nextIndex and matchIndex. Both only grow: an old reply has no effect."""
        match_index = min(match_index, self.log.last_index)
        if match_index <= self.match_index.get(peer, 0):
            return
        self.match_index[peer] = match_index
        self.next_index[peer] = max(self.next_index.get(peer, 1), match_index + 1)
        self.advance_commit_index()
        if self.role == "leader" and self.next_index[peer] <= self.log.last_index:
            self.replicate_to(peer)

    def go_back(self, peer: NodeId, conflict_index: int) -> None:
        """If AppendEntries fails because of log inconsistency: decrement nextIndex and retry."""
        next_index = self.next_index.get(peer, 1)
        back = max(min(conflict_index, next_index - 1), self.match_index.get(peer, 0) + 1)
        if back < next_index:
            self.next_index[peer] = back
            self.replicate_to(peer)

    def advance_commit_index(self) -> None:
        """If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and log[N].term ==
        currentTerm: set commitIndex = N."""
        for n in range(self.log.last_index, self.commit_index, -1):
            if not self.may_count_replicas(n):
                return
            if self.is_quorum([self.me, *[peer for peer, match in self.match_index.items() if match >= n]]):
                self.commit_index = n
                self.apply_committed()
                return

    def may_count_replicas(self, n: int) -> bool:
        """§5.4.2 and figure 8: an entry of an earlier term may be on a majority and still be overwritten, by a leader
        whose last entry is of a term in between. Those commit only together with one of the current term."""
        return self.log.term(n) == self.current_term

    # For reports and invariants.

    def log_cells(self, count: int) -> list[LogCell]:
        first = max(self.log.base_index, self.log.last_index - count) + 1
        return [
            LogCell(index, entry.term, entry.request, index <= self.commit_index)
            for index, entry in enumerate(self.log.after(first - 1), first)
        ]

    def view(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "term": self.current_term,
            "voted_for": self.voted_for,
            "leader": self.leader_id,
            "commit_index": self.commit_index,
            "last_applied": self.last_applied,
            "last_index": self.log.last_index,
            "last_term": self.log.last_term,
            "snapshot_index": self.log.base_index,
            "configuration": list(self.log.configuration),
            "values": {str(key): value for key, value in self.machine.items()[:VALUES_SHOWN]},
        }
