"""Leader election (§5.2, §5.4.1), with pre-vote (dissertation §9.6) and loyalty to a live leader (§4.2.3).

An election timeout has two parts: for the first, at least as long as the shortest timeout, a leader that was heard is
believed to live, and nobody else gets a vote; the second is random, and then the server campaigns.
"""

from __future__ import annotations

from abc import ABC

from targets.node import NodeId
from targets.raft.messages import PreVote, PreVoteReply, RequestVote, RequestVoteReply
from targets.raft.state import Server

ELECTION = "election"
ASK_AGAIN = "ask again"


class Election(Server, ABC):
    def __init__(self) -> None:
        super().__init__()
        self.leader_is_near = False
        """A leader was heard within the shortest election timeout."""
        self.heard_again = False
        """It was heard again since the timer was set: cheaper than to set the timer at every heartbeat."""
        self.pre_votes: set[NodeId] = set()

    # Timers

    def hear_leader(self) -> None:
        """Start the election timeout again because the leader lives."""
        self.heard_again = True
        if not self.leader_is_near:
            self.believe_leader()

    def believe_leader(self) -> None:
        self.leader_is_near = True
        self.heard_again = False
        self.ctx.set_timer(ELECTION, self.settings.election_timeout_ms_min)

    def await_leader(self) -> None:
        """Start the election timeout again without a leader."""
        self.leader_is_near = False
        self.ctx.set_timer(ELECTION, self.settings.election_timeout_ms_min + self._random_part_ms())

    def on_election_timeout(self) -> None:
        if self.heard_again and self.leader_is_near:
            self.believe_leader()
            return
        if self.leader_is_near:
            self.leader_is_near = False
            self.ctx.set_timer(ELECTION, self._random_part_ms())
            return
        self.leader_id = None
        self.await_leader()
        if self.may_campaign():
            self.start_pre_vote()

    def _random_part_ms(self) -> float:
        return self.ctx.random.uniform(0, self.settings.election_timeout_ms_max - self.settings.election_timeout_ms_min)

    # Terms

    def become_follower(self, term: int) -> None:
        """Follow, in a newer term if `term` is one: a vote belongs to its term, and both are durable at once."""
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
            self.await_leader()

    def recognize_leader(self, term: int, leader_id: NodeId) -> None:
        """A message of the leader of `term` came (§5.2): whoever campaigned in this term gives up."""
        if term > self.current_term or self.role == "candidate":
            self.become_follower(term)
        self.leader_id = leader_id
        self.hear_leader()

    # Pre-vote

    def start_pre_vote(self) -> None:
        """Ask whether an election could be won before disturbing anybody with a new term."""
        self.pre_votes = {self.me}
        for peer in self.peers:
            self.ctx.send(peer, PreVote(self.current_term + 1, self.me, self.log.last_index, self.log.last_term))
        if self.is_quorum(self.pre_votes):
            self.start_election()

    def on_pre_vote(self, sender: NodeId, message: PreVote) -> None:
        granted = message.term > self.current_term and not self.is_loyal() and self.is_up_to_date(message)
        self.ctx.send(sender, PreVoteReply(self.current_term, message.term, granted))

    def on_pre_vote_reply(self, sender: NodeId, message: PreVoteReply) -> None:
        if message.term > self.current_term:
            self.become_follower(message.term)
        elif message.vote_granted and message.asked_term == self.current_term + 1 and self.is_without_leader():
            self.pre_votes.add(sender)
            if self.is_quorum(self.pre_votes):
                self.start_election()

    def is_loyal(self) -> bool:
        """Whether this server leads or heard from a leader of late: then nobody else needs its vote (§4.2.3)."""
        return self.role == "leader" or self.leader_is_near

    def is_without_leader(self) -> bool:
        return self.role != "leader" and self.leader_id is None and self.me in self.pre_votes

    # Votes

    def start_election(self, leadership_transfer: bool = False) -> None:
        """§5.2: increment the term, vote for oneself, ask all others."""
        self.role = "candidate"
        self.leader_id = None
        self.current_term += 1
        self.voted_for = self.me
        self.pre_votes = set()
        self.persist_term_and_vote()
        self.await_leader()
        self.votes = {self.me}
        self.ask_for_votes(leadership_transfer)
        self.count_votes()

    def ask_for_votes(self, leadership_transfer: bool = False) -> None:
        """Ask whoever has not voted for this server, and again later: RPCs are retried (§5.1)."""
        term, last_index, last_term = self.current_term, self.log.last_index, self.log.last_term
        for peer in self.peers:
            if peer not in self.votes:
                self.ctx.send(peer, RequestVote(term, self.me, last_index, last_term, leadership_transfer))
        self.ctx.set_timer(ASK_AGAIN, self.settings.heartbeat_ms)

    def on_ask_again_timeout(self) -> None:
        if self.role == "candidate":
            self.ask_for_votes()

    def on_request_vote(self, sender: NodeId, message: RequestVote) -> None:
        if message.leadership_transfer or not self.is_loyal():
            if message.term > self.current_term:
                self.become_follower(message.term)
            if self.grants_vote(message):
                self.voted_for = message.candidate_id
                self.persist_term_and_vote()
                self.await_leader()
        granted = message.term == self.current_term and self.voted_for == message.candidate_id
        self.ctx.send(sender, RequestVoteReply(self.current_term, granted))

    def grants_vote(self, message: RequestVote) -> bool:
        """§5.2: one vote per term, first come first served; §5.4.1: only for an up-to-date log."""
        return (
            message.term == self.current_term
            and self.voted_for is None
            and self.role == "follower"
            and self.is_up_to_date(message)
        )

    def is_up_to_date(self, message: RequestVote | PreVote) -> bool:
        """§5.4.1: the candidate's log ends in a later term, or in the same one and is at least as long."""
        return (message.last_log_term, message.last_log_index) >= (self.log.last_term, self.log.last_index)

    def on_request_vote_reply(self, sender: NodeId, message: RequestVoteReply) -> None:
        if message.term > self.current_term:
            self.become_follower(message.term)
        elif self.role == "candidate" and message.vote_granted and message.term == self.current_term:
            self.votes.add(sender)
            self.count_votes()

    def count_votes(self) -> None:
        if self.is_quorum(self.votes):
            self.role = "leader"
            self.leader_id = self.me
            self.ctx.cancel_timer(ELECTION)
            self.ctx.cancel_timer(ASK_AGAIN)
            self.start_leading()
