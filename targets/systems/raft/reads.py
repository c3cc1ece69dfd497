"""Linearizable reads without the log (dissertation §6.4): ReadIndex, and leases as an option.

A leader notes its commit index, once it has committed an entry of its own term, and then makes sure that it still
leads: a majority must answer a heartbeat sent after the read came. A lease replaces that round trip by a promise of
time: no other leader can be elected for the shortest election timeout after a majority answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from targets.protocol.node import NodeId, Request

if TYPE_CHECKING:
    from targets.systems.raft.node import RaftNode

ROUNDS_MAX = 64
"""Unanswered rounds that a lease still waits for."""


@dataclass
class PendingRead:
    """A read that waits: `read_index` is None until the leader knows what is committed."""

    request: Request
    round: int
    read_index: int | None


class Reads:
    """The reads that wait on one server while it leads."""

    def __init__(self, server: RaftNode) -> None:
        self._server = server
        self._pending: list[PendingRead] = []
        self.start_leading()

    def start_leading(self) -> None:
        self._acked_round: dict[NodeId, int] = {}
        self._sent_ms: dict[int, float] = {}
        """When each round of heartbeats that is still unanswered was sent, by the leader's clock."""
        self._lease_until_ms = float("-inf")

    def stop_leading(self) -> None:
        for read in self._pending:
            self._server.ctx.fail(read.request, "not the leader", leader=self._server.leader_id)
        self._pending.clear()
        self.end_lease()

    def start_round(self) -> int:
        """Send a round of heartbeats; the answers to it, or to a later one, prove leadership as of now."""
        server = self._server
        server.round += 1
        for peer in server.peers:
            next_index = server.next_index.setdefault(peer, server.log.last_index + 1)
            server.send_append(peer, max(next_index - 1, server.log.base_index), ())
        if server.settings.lease_reads:
            self._sent_ms[server.round] = server.ctx.now_ms()
            self._sent_ms.pop(server.round - ROUNDS_MAX, None)
        return server.round

    def read(self, request: Request) -> None:
        """A client's read came to the leader. Its index is noted before the round: what was committed when it came
        must be in what it returns."""
        index = self.read_index()
        self._pending.append(PendingRead(request, 0 if self.needs_no_round() else self.start_round(), index))
        self.serve()

    def needs_no_round(self) -> bool:
        """Only a lease proves leadership without asking."""
        return self._server.settings.lease_reads and self._server.ctx.now_ms() < self._lease_until_ms

    def read_index(self) -> int | None:
        """§6.4, step 1: the commit index, if an entry of the leader's own term is committed; else not known yet."""
        return self._server.commit_index if self._server.has_committed_in_its_term() else None

    def confirm_leadership(self, peer: NodeId, round: int) -> None:
        """§6.4, step 3: `peer` answered a message of this round, so it had not moved on to a later term."""
        if round > self._acked_round.get(peer, 0):
            self._acked_round[peer] = round
            for sent in [sent for sent in self._sent_ms if sent <= round and self._is_confirmed(sent)]:
                self._extend_lease(self._sent_ms.pop(sent))
        if self._pending:
            self.serve()

    def _extend_lease(self, sent_ms: float) -> None:
        """§6.4.1: counted from when the heartbeats left, not from when they were answered. None after TimeoutNow: the
        successor may be elected at once, by followers that need not wait."""
        if not self._server.transfer.sent_timeout_now:
            self._lease_until_ms = max(self._lease_until_ms, sent_ms + self._server.settings.election_timeout_ms_min)

    def end_lease(self) -> None:
        self._lease_until_ms = float("-inf")

    def _is_confirmed(self, round: int) -> bool:
        server = self._server
        return server.is_quorum([server.me, *[peer for peer, acked in self._acked_round.items() if acked >= round]])

    def serve(self) -> None:
        """Answer the reads whose round is confirmed and whose index is applied (§6.4, steps 3 and 4)."""
        server, waiting = self._server, []
        for read in self._pending:
            if read.read_index is None:
                read.read_index = self.read_index()
            applied = read.read_index is not None and server.last_applied >= read.read_index
            if applied and (read.round == 0 or self._is_confirmed(read.round)):
                server.answer(read.request, server.machine.query(read.request.key, read.request.input))
            else:
                waiting.append(read)
        self._pending = waiting
