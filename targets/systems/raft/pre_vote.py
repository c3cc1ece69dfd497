"""Pre-vote (dissertation §9.6) and loyalty to a live leader (§4.2.3): no server disturbs a cluster that has a leader.

A server that was cut off would come back with a high term and depose a leader that works. So it first asks whether it
could win, which changes no term; and a server that received a leader's message within the shortest election timeout
helps no candidate, unless the leader wishes it (leadership transfer).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from targets.protocol.node import NodeId
from targets.systems.raft.messages import PreVote, PreVoteReply

if TYPE_CHECKING:
    from targets.systems.raft.node import RaftNode

LEADER_CONTACT = "leader contact"


class PreVoting:
    def __init__(self, server: RaftNode) -> None:
        self._server = server
        self.recent_leader_contact = False
        """A leader's message arrived within the shortest election timeout."""
        self._pre_votes: set[NodeId] = set()

    def leader_heard(self) -> None:
        server = self._server
        self.recent_leader_contact = True
        server.ctx.set_timer(LEADER_CONTACT, server.settings.election_timeout_ms_min)

    def leader_lost(self) -> None:
        """It was silent, or its term is over."""
        self.recent_leader_contact = False
        self._server.ctx.cancel_timer(LEADER_CONTACT)

    def has_leader_contact(self) -> bool:
        """Whether this server leads, or a leader's message arrived recently: then it grants no vote."""
        return self._server.role == "leader" or self.recent_leader_contact

    def start(self) -> None:
        """Ask whether an election could be won."""
        server = self._server
        self._pre_votes = {server.me}
        message = PreVote(server.current_term + 1, server.me, server.log.last_index, server.log.last_term)
        for peer in server.peers:
            server.ctx.send(peer, message)
        self._count()

    def on_pre_vote(self, sender: NodeId, message: PreVote) -> None:
        server = self._server
        granted = (
            message.next_term > server.current_term
            and not self.has_leader_contact()
            and server.is_up_to_date(message.last_log_index, message.last_log_term)
        )
        server.ctx.send(sender, PreVoteReply(server.current_term, message.next_term, granted))

    def on_pre_vote_reply(self, sender: NodeId, message: PreVoteReply) -> None:
        server = self._server
        still_asking = server.role != "leader" and server.leader_id is None and server.me in self._pre_votes
        if message.vote_granted and message.next_term == server.current_term + 1 and still_asking:
            self._pre_votes.add(sender)
            self._count()

    def _count(self) -> None:
        if self._server.is_quorum(self._pre_votes):
            self._pre_votes = set()
            self._server.start_election()
