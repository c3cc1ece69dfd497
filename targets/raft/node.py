"""A Raft server (Ongaro and Ousterhout 2014; Ongaro's dissertation): the chapters together, inputs routed to them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any
from zlib import crc32

from targets.node import Context, Message, NodeId, Request, Timer
from targets.raft.check_quorum import CheckQuorum
from targets.raft.election import ASK_AGAIN, ELECTION
from targets.raft.machine import COMMANDS, QUERIES
from targets.raft.membership import Membership
from targets.raft.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from targets.raft.persistence import Persistence
from targets.raft.replication import DURABLE, HEARTBEAT
from targets.raft.snapshot import Snapshots
from targets.raft.state import Settings
from targets.raft.transfer import TRANSFER, Transfer

REMEMBERED_MAX = 10_000
"""Ids of commands that this server took as a leader, or refused, kept to answer copies of them honestly."""


VALUES_SHOWN = 8
"""Keys that a view shows."""


class RaftNode(CheckQuorum, Persistence, Snapshots, Membership, Transfer):
    """One server; `settings` may differ from the defaults, alike on all servers."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        if settings is not None:
            self.settings = settings
        self.accepted: OrderedDict[str, None] = OrderedDict()
        self.refused: OrderedDict[str, None] = OrderedDict()
        self._handlers: dict[type[Message], Any] = {
            RequestVote: self.on_request_vote,
            RequestVoteReply: self.on_request_vote_reply,
            PreVote: self.on_pre_vote,
            PreVoteReply: self.on_pre_vote_reply,
            AppendEntries: self.on_append_entries,
            AppendEntriesReply: self.on_append_entries_reply,
            InstallSnapshot: self.on_install_snapshot,
            InstallSnapshotReply: self.on_install_snapshot_reply,
            TimeoutNow: lambda sender, message: self.on_timeout_now(message),
            Request: lambda sender, request: self.on_request(request),
        }

    def start(self, ctx: Context) -> None:
        """Recover, then wait for a leader. One may hold a lease that this server granted before it crashed."""
        self.ctx, self.me = ctx, ctx.me
        self.recover()
        for index in range(self.log.base_index + 1, self.log.last_index + 1):
            request = self.log.entry(index).request
            if request is not None:
                self.accepted[request.id] = None
        if self.settings.lease_reads:
            self.hear_leader()
        else:
            self.await_leader()

    def receive(self, sender: NodeId, message: Message, ctx: Context) -> None:
        self._handlers[type(message)](sender, message)

    def timeout(self, timer: Timer, ctx: Context) -> None:
        if timer == ELECTION:
            self.on_election_timeout()
        elif timer == HEARTBEAT:
            self.on_heartbeat_timeout()
        elif timer == DURABLE:
            self.on_durable()
        elif timer == ASK_AGAIN:
            self.on_ask_again_timeout()
        elif timer == TRANSFER:
            self.on_transfer_timeout()

    # Clients

    def on_request(self, request: Request) -> None:
        if self.role != "leader" or request.id in self.refused:
            self.refuse(request)
        elif request.f in QUERIES:
            self.read(request)
        elif request.f == "reconfigure":
            self.reconfigure(request)
        elif request.f == "transfer":
            self.start_transfer(request)
        elif request.f not in COMMANDS:
            self.ctx.fail(request, f"unknown operation {request.f}")
        elif self.transfer is not None:
            self.refuse(request)
        else:
            self.command(request)

    def refuse(self, request: Request) -> None:
        """Fail means: certainly did not happen. A copy of a command that was taken before may have, or still may.

        A copy that the network made may also come later, when this server leads: after fail it must be refused too.
        """
        if request.id in self.accepted or self.sessions.has_answered(request):
            self.ctx.info(request, "not the leader any more")
        else:
            _remember(self.refused, request)
            self.ctx.fail(request, "not the leader", leader=self.leader_id if self.leader_id != self.me else None)

    def command(self, request: Request) -> None:
        """A command goes through the log, unless it is a retry whose answer is known (dissertation §6.3)."""
        if self.has_answered(request):
            self.answer(request, self.sessions.answer(request))
            return
        _remember(self.accepted, request)
        self.propose(request)

    # Applying

    def apply_committed(self) -> None:
        """§5.3: apply what is committed, in the order of the log; then answer who waited for it."""
        if self.last_applied >= self.commit_index:
            return
        for index in range(self.last_applied + 1, min(self.commit_index, self.log.last_index) + 1):
            self.last_applied = index
            entry = self.log.entry(index)
            output = self.execute(entry)
            self.digest = crc32(repr((entry.term, output, len(self.sessions))).encode(), self.digest)
            request = self.waiting.pop(index, None)
            if request is not None:
                self.answer(request, output)
        self.take_snapshot_when_due()
        self.serve_reads()
        self.leave_if_removed()

    # For people and invariants

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


def _remember(ids: OrderedDict[str, None], request: Request) -> None:
    ids[request.id] = None
    if len(ids) > REMEMBERED_MAX:
        ids.popitem(last=False)
