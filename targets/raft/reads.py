"""Linearizable reads without the log (dissertation §6.4): ReadIndex, and leases as an option.

A leader notes its commit index, once it has committed an entry of its own term, and then makes sure that it still
leads: a majority must answer a heartbeat sent after the read came. A lease replaces that round trip by a promise of
time: no other leader can be elected for the shortest election timeout after a majority was heard.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass

from targets.node import NodeId, Request
from targets.raft.replication import Replication

ROUNDS_MAX = 64
"""Unanswered rounds that a lease still waits for."""


@dataclass
class PendingRead:
    """A read that waits: `read_index` is None until the leader knows what is committed."""

    request: Request
    round: int
    read_index: int | None


class Reads(Replication, ABC):
    def __init__(self) -> None:
        super().__init__()
        self.reads: list[PendingRead] = []
        self.acked_round: dict[NodeId, int] = {}
        self.sent_ms: dict[int, float] = {}
        """When each round of heartbeats that is still unanswered was sent, by the leader's clock."""
        self.lease_until_ms = float("-inf")

    def start_leading(self) -> None:
        self.acked_round = {}
        self.sent_ms = {}
        self.lease_until_ms = float("-inf")
        super().start_leading()

    def stop_leading(self) -> None:
        super().stop_leading()
        for read in self.reads:
            self.ctx.fail(read.request, "not the leader", leader=self.leader_id)
        self.reads.clear()
        self.lease_until_ms = float("-inf")

    def on_heartbeat_timeout(self) -> None:
        if self.role == "leader" and self.settings.lease_reads:
            self.start_round()
        super().on_heartbeat_timeout()

    def start_round(self) -> int:
        """Send a round of heartbeats; the answers to it, or to a later one, prove leadership as of now."""
        self.send_heartbeats()
        if self.settings.lease_reads:
            self.sent_ms[self.round] = self.ctx.now_ms()
            self.sent_ms.pop(self.round - ROUNDS_MAX, None)
        return self.round

    def read(self, request: Request) -> None:
        """A client's read came to the leader."""
        if self.needs_no_round():
            self.reads.append(PendingRead(request, 0, self.read_index()))
        else:
            index = self.read_index()
            self.reads.append(PendingRead(request, self.start_round(), index))
        self.serve_reads()

    def needs_no_round(self) -> bool:
        """Only a lease proves leadership without asking."""
        return self.settings.lease_reads and self.ctx.now_ms() < self.lease_until_ms

    def read_index(self) -> int | None:
        """§6.4, step 1: the commit index, if an entry of the leader's own term is committed; else not known yet."""
        return self.commit_index if self.has_committed_in_its_term() else None

    def confirm_leadership(self, peer: NodeId, round: int) -> None:
        """§6.4, step 3: `peer` answered a message of this round, so it had not moved on to a later term."""
        if round > self.acked_round.get(peer, 0):
            self.acked_round[peer] = round
            for sent in [sent for sent in self.sent_ms if sent <= round and self.is_confirmed(sent)]:
                self.extend_lease(self.sent_ms.pop(sent))
        if self.reads:
            self.serve_reads()

    def extend_lease(self, sent_ms: float) -> None:
        """§6.4.1: counted from when the heartbeats left, not from when they were answered."""
        self.lease_until_ms = max(self.lease_until_ms, sent_ms + self.settings.election_timeout_ms_min)

    def is_confirmed(self, round: int) -> bool:
        return self.is_quorum([self.me, *[peer for peer, acked in self.acked_round.items() if acked >= round]])

    def serve_reads(self) -> None:
        """Answer the reads whose round is confirmed and whose index is applied (§6.4, steps 3 and 4)."""
        waiting = []
        for read in self.reads:
            if read.read_index is None:
                read.read_index = self.read_index()
            applied = read.read_index is not None and self.last_applied >= read.read_index
            if applied and (read.round == 0 or self.is_confirmed(read.round)):
                self.answer(read.request, self.machine.query(read.request.key, read.request.input))
            else:
                waiting.append(read)
        self.reads = waiting
