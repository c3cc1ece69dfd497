"""A whole Raft server: the core of figure 2 with its extensions around it, a component each.

Each override below is a place where an extension meets the core: it defines in which order they act.
"""

from __future__ import annotations

from collections import OrderedDict
from zlib import crc32

from targets.protocol.node import Context, Message, NodeId, Request, Timer
from targets.systems.raft.check_quorum import CheckQuorum
from targets.systems.raft.core import Raft
from targets.systems.raft.machine import COMMANDS, QUERIES
from targets.systems.raft.membership import Membership
from targets.systems.raft.messages import (
    AppendEntriesReply,
    Entry,
    InstallSnapshot,
    InstallSnapshotReply,
    PreVote,
    PreVoteReply,
    RequestVote,
    TimeoutNow,
)
from targets.systems.raft.pre_vote import LEADER_CONTACT, PreVoting
from targets.systems.raft.reads import Reads
from targets.systems.raft.sessions import ClusterClock, Sessions
from targets.systems.raft.settings import Settings
from targets.systems.raft.snapshot import Snapshots
from targets.systems.raft.transfer import TRANSFER, Transfer

REMEMBERED_MAX = 10_000
"""Ids of commands that this server took as a leader, or refused, kept to answer copies of them honestly."""


class RaftNode(Raft):
    """One server. A broken variant overrides a decision here, or of one of the components."""

    reads_type: type[Reads] = Reads
    membership_type: type[Membership] = Membership
    snapshots_type: type[Snapshots] = Snapshots
    check_quorum_type: type[CheckQuorum] = CheckQuorum
    commands: frozenset[str] = COMMANDS
    """What is carried out through the log."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self.sessions = Sessions()
        self.cluster_clock = ClusterClock(0.0, 0.0, 0.0)
        self.digest = 0
        """Running checksum of all that was applied: equal on all replicas at equal last_applied."""
        self.accepted: OrderedDict[str, None] = OrderedDict()
        self.refused: OrderedDict[str, None] = OrderedDict()
        self.reads = self.reads_type(self)
        self.membership = self.membership_type(self)
        self.snapshots = self.snapshots_type(self)
        self.transfer = Transfer(self)
        self.pre_voting = PreVoting(self)
        self.check_quorum = self.check_quorum_type(self)
        self.rpcs |= {
            PreVoteReply: self.pre_voting.on_pre_vote_reply,
            InstallSnapshot: self.snapshots.on_install_snapshot,
            InstallSnapshotReply: self.on_install_snapshot_reply,
            TimeoutNow: self.transfer.on_timeout_now,
        }

    # Inputs.

    def start(self, ctx: Context) -> None:
        super().start(ctx)
        for index in range(self.log.base_index + 1, self.log.last_index + 1):
            request = self.log.entry(index).request
            if request is not None:
                self.accepted[request.id] = None
        if self.settings.lease_reads:
            self.pre_voting.leader_heard()  # a leader may hold a lease that this server granted before it crashed

    def recover(self) -> None:
        super().recover()
        if self.recovered_state is not None:
            self.snapshots.restore(self.recovered_state)

    def on_other(self, sender: NodeId, message: Message) -> None:
        if isinstance(message, PreVote):
            self.pre_voting.on_pre_vote(sender, message)
        else:
            super().on_other(sender, message)

    def timeout(self, timer: Timer) -> None:
        if timer == LEADER_CONTACT:
            self.pre_voting.leader_lost()
        elif timer == TRANSFER:
            self.transfer.on_timeout()
        else:
            super().timeout(timer)

    # Elections: pre-vote, loyalty, CheckQuorum.

    def heeds(self, message: Message) -> bool:
        """Dissertation §4.2.3: a candidate that the leader did not ask for is not heeded while the leader lives."""
        if isinstance(message, RequestVote):
            return message.leadership_transfer or not self.pre_voting.has_leader_contact()
        return True

    def on_election_timeout(self) -> None:
        if self.role == "leader":
            self.check_quorum.check()
            return
        self.leader_id = None
        self.reset_election_timer()
        if self.membership.may_campaign():
            self.pre_voting.start()

    def recognize_leader(self, leader_id: NodeId) -> None:
        super().recognize_leader(leader_id)
        self.pre_voting.leader_heard()

    def become_follower(self, term: int) -> None:
        if term > self.current_term:
            self.pre_voting.leader_lost()
        super().become_follower(term)

    def start_election(self, leadership_transfer: bool = False) -> None:
        self.pre_voting.leader_lost()
        super().start_election(leadership_transfer)

    # Leading.

    def start_leading(self) -> None:
        log_ms = self.log.entries[-1].time_ms if self.log.entries else self.cluster_clock.time_ms
        self.cluster_clock = ClusterClock(log_ms, self.ctx.now_ms(), 2 * self.settings.heartbeat_ms)
        self.reads.start_leading()
        self.transfer.start_leading()
        super().start_leading()
        self.check_quorum.await_answers()

    def stop_leading(self) -> None:
        self.transfer.stop_leading()
        super().stop_leading()
        self.reads.stop_leading()

    def on_heartbeat_timeout(self) -> None:
        if self.role == "leader":
            self.cluster_clock.advance(self.ctx.now_ms())
            if self.settings.lease_reads:
                self.reads.start_round()
        super().on_heartbeat_timeout()

    def entry_time_ms(self) -> float:
        return self.cluster_clock.advance(self.ctx.now_ms())

    def replicate_to(self, peer: NodeId) -> None:
        if self.next_index.get(peer, self.log.last_index + 1) <= self.log.base_index:
            self.snapshots.send(peer)
        else:
            super().replicate_to(peer)

    def on_append_entries_reply(self, sender: NodeId, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if self.role == "leader" and message.term == self.current_term:
            self.check_quorum.answered.add(sender)
            self.reads.confirm_leadership(sender, message.round)

    def on_install_snapshot_reply(self, sender: NodeId, message: InstallSnapshotReply) -> None:
        if self.role == "leader" and message.term == self.current_term:
            self.check_quorum.answered.add(sender)
            self.advance_match_index(sender, message.match_index)

    def advance_match_index(self, peer: NodeId, match_index: int) -> None:
        super().advance_match_index(peer, match_index)
        if self.transfer.request is not None:
            self.transfer.hand_over_when_ready(peer)

    def has_committed_in_its_term(self) -> bool:
        """Whether this leader knows what is committed (§8)."""
        return self.log.term(self.commit_index) == self.current_term

    # Clients: sessions and reads.

    def on_request(self, request: Request) -> None:
        if self.role != "leader" or request.id in self.refused:
            self.refuse(request)
        elif request.f in QUERIES:
            self.reads.read(request)
        elif request.f == "reconfigure":
            self.membership.reconfigure(request)
        elif request.f == "transfer":
            self.transfer.start(request)
        elif request.f not in self.commands:
            self.ctx.fail(request, f"unknown operation {request.f}")
        elif self.transfer.request is not None:
            self.refuse(request)
        elif self.has_answered(request):
            self.answer(request, self.sessions.answer(request))
        else:
            _remember(self.accepted, request)
            self.propose(request)

    def refuse(self, request: Request) -> None:
        """Fail means: certainly did not happen. A copy of a command that was taken before may have, or still may.

        A copy that the network made may also come later, when this server leads: after fail it must be refused too.
        """
        if request.id in self.accepted or self.sessions.has_answered(request):
            self.ctx.info(request, "not the leader any more")
        else:
            _remember(self.refused, request)
            self.ctx.fail(request, "not the leader", leader=self.leader_id if self.leader_id != self.me else None)

    def has_answered(self, request: Request) -> bool:
        """Whether this command was executed before: a retry is not executed again (dissertation §6.3)."""
        return self.sessions.has_answered(request)

    # Applying.

    def apply_committed(self) -> None:
        if self.last_applied < self.commit_index:
            super().apply_committed()
            self.snapshots.take_when_due()
            self.reads.serve()
            self.membership.leave_if_removed()

    def execute(self, entry: Entry) -> object:
        """Once per request id; the checksum is over what all replicas must agree on."""
        output = self._execute_once(entry)
        self.digest = crc32(repr((entry.term, output, len(self.sessions))).encode(), self.digest)
        return output

    def _execute_once(self, entry: Entry) -> object:
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

    def session_time_ms(self, log_time_ms: float) -> float:
        """What time it is when an entry is applied: the time in the entry, the same on all replicas."""
        return log_time_ms


def _remember(ids: OrderedDict[str, None], request: Request) -> None:
    ids[request.id] = None
    if len(ids) > REMEMBERED_MAX:
        ids.popitem(last=False)
