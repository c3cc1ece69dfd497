"""A test for each line of figure 2 of the Raft paper (Ongaro and Ousterhout 2014), in its order, on the core alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from targets.backends.simulator import SimulatedCluster
from targets.backends.simulator.disk import SimulatedDisk
from targets.protocol.node import Message, NodeId, Reply, Request, Timer
from targets.systems.raft import RAFT
from targets.systems.raft.core import ELECTION, HEARTBEAT, Raft
from targets.systems.raft.messages import AppendEntries, AppendEntriesReply, Entry, RequestVote, RequestVoteReply
from tests.targets.stub import Stub


def entries(*terms: int) -> tuple[Entry, ...]:
    return tuple(Entry(term, 0.0) for term in terms)


class Server:
    """The core as n1 of three servers, with a log of entries of these terms; `take` is what it sent since."""

    def __init__(self, *terms: int, current_term: int | None = None) -> None:
        self.ctx = Stub(SimulatedDisk())
        self.raft = Raft()
        self.raft.start(self.ctx)
        for entry in entries(*terms):
            self.raft.log.append(entry)
        self.raft.current_term = current_term if current_term is not None else max(terms, default=0)

    def receive(self, sender: NodeId, message: Message) -> list[Any]:
        """What it sent upon a message."""
        self.ctx.sent.clear()
        self.raft.receive(sender, message)
        return [message for _, message in self.ctx.sent]

    def fire(self, timer: Timer) -> list[tuple[NodeId, Any]]:
        self.ctx.sent.clear()
        self.ctx.timers.pop(timer, None)
        self.raft.timeout(timer)
        return list(self.ctx.sent)

    def append(self, term: int, prev: int, prev_term: int, new: tuple[Entry, ...] = (), commit: int = 0) -> Any:
        """The reply to AppendEntries of n2."""
        (reply,) = self.receive("n2", AppendEntries(term, "n2", prev, prev_term, new, commit, 0))
        return reply

    def vote(self, term: int, candidate: NodeId, last_index: int, last_term: int) -> bool:
        """Whether it votes."""
        (reply,) = self.receive(candidate, RequestVote(term, candidate, last_index, last_term))
        granted: bool = reply.vote_granted
        return granted

    @property
    def terms(self) -> list[int]:
        return [entry.term for entry in self.raft.log.entries]


def leader(*terms: int) -> Server:
    """n1 as leader of the term after the last of `terms`, with its no-op at the end of the log."""
    server = Server(*terms)
    server.fire(ELECTION)
    server.receive("n2", RequestVoteReply(server.raft.current_term, True))
    assert server.raft.role == "leader"
    return server


def acknowledge(server: Server, peer: NodeId, match_index: int) -> list[Any]:
    return server.receive(peer, AppendEntriesReply(server.raft.current_term, True, match_index, 0, 0))


# State


def test_term_vote_and_log_are_on_stable_storage_before_an_rpc_is_answered() -> None:
    server = Server(current_term=1)
    server.vote(4, "n2", 0, 0)
    server.append(5, 0, 0, entries(5, 5))
    again = Raft()
    again.start(Stub(server.ctx.disk))
    assert (again.current_term, again.voted_for, again.log.last_index) == (5, None, 2)


def test_a_vote_survives_a_crash() -> None:
    server = Server(current_term=1)
    assert server.vote(4, "n2", 0, 0)
    again = Raft()
    again.start(Stub(server.ctx.disk))
    assert (again.current_term, again.voted_for) == (4, "n2")


def test_commit_index_and_last_applied_start_at_zero() -> None:
    raft = Server(1, 1).raft
    assert (raft.commit_index, raft.last_applied) == (0, 0)


def test_next_index_starts_after_the_leaders_log_and_match_index_at_zero() -> None:
    raft = leader(1, 1).raft
    assert raft.next_index == {"n2": 3, "n3": 3}
    assert raft.match_index == {"n2": 0, "n3": 0}


# AppendEntries RPC, receiver implementation


def test_1_append_entries_of_an_older_term_is_refused() -> None:
    server = Server(1, 2, current_term=2)
    reply = server.append(1, 2, 2, entries(1))
    assert (reply.success, reply.term, server.terms) == (False, 2, [1, 2])


@pytest.mark.parametrize(("prev", "prev_term"), [(3, 2), (2, 1)], ids=["missing", "other term"])
def test_2_append_entries_is_refused_without_the_previous_entry(prev: int, prev_term: int) -> None:
    assert not Server(1, 2).append(2, prev, prev_term, entries(2)).success


def test_3_a_conflicting_entry_is_deleted_with_all_that_follow_it() -> None:
    server = Server(1, 2, 2, 2)
    assert server.append(3, 1, 1, entries(3)).success
    assert server.terms == [1, 3]


def test_3_entries_that_do_not_conflict_stay_though_the_message_ends_before_them() -> None:
    server = Server(1, 2, 2)
    assert server.append(2, 1, 1, entries(2)).success
    assert server.terms == [1, 2, 2]


def test_4_entries_not_in_the_log_are_appended() -> None:
    server = Server(1, 2)
    assert server.append(2, 1, 1, entries(2, 2, 2)).success
    assert server.terms == [1, 2, 2, 2]


def test_5_commit_index_is_the_least_of_leader_commit_and_the_last_new_entry() -> None:
    server = Server(1, 1, 1)
    server.append(1, 1, 1, entries(1), commit=9)
    assert server.raft.commit_index == 2
    server.append(1, 3, 1, entries(1), commit=3)
    assert server.raft.commit_index == 3


# RequestVote RPC, receiver implementation


def test_1_a_vote_for_an_older_term_is_refused() -> None:
    assert not Server(current_term=3).vote(2, "n2", 9, 9)


def test_2_one_vote_in_a_term_first_come_first_served() -> None:
    server = Server(current_term=3)
    assert server.vote(4, "n2", 0, 0)
    assert not server.vote(4, "n3", 0, 0)
    assert server.vote(4, "n2", 0, 0), "the same candidate may ask again: its reply may be lost"


@pytest.mark.parametrize(
    ("last_index", "last_term", "granted"),
    [(1, 3, True), (2, 2, True), (3, 2, True), (1, 2, False), (9, 1, False)],
    ids=["later term", "equal", "longer", "shorter", "long but older term"],
)
def test_2_only_a_log_at_least_as_up_to_date_gets_the_vote(last_index: int, last_term: int, granted: bool) -> None:
    """§5.4.1."""
    assert Server(1, 2).vote(4, "n2", last_index, last_term) is granted


# Rules for servers: all servers


def test_what_is_committed_is_applied_in_order() -> None:
    server = Server(current_term=1)
    write = Entry(1, 0.0, Request("a", "c1", "write", "x", 1))
    cas = Entry(1, 0.0, Request("b", "c1", "cas", "x", (1, 2)))
    server.append(1, 0, 0, (write, cas), commit=2)
    assert (server.raft.last_applied, server.raft.machine.query("x", None)) == (2, 2)


@pytest.mark.parametrize(
    "message",
    [
        RequestVote(9, "n2", 0, 0),
        RequestVoteReply(9, False),
        AppendEntries(9, "n2", 0, 0, (), 0, 0),
        AppendEntriesReply(9, False, 0, 1, 0),
    ],
    ids=lambda message: type(message).__name__,
)
@pytest.mark.parametrize("role", ["follower", "candidate", "leader"])
def test_a_newer_term_in_any_rpc_makes_a_follower_of_that_term(role: str, message: Message) -> None:
    """§5.1."""
    server = leader(1) if role == "leader" else Server(1)
    if role == "candidate":
        server.fire(ELECTION)
    assert server.raft.role == role
    server.receive("n2", message)
    assert (server.raft.role, server.raft.current_term) == ("follower", 9)


# Followers (§5.2)


def test_a_follower_without_a_leader_becomes_a_candidate() -> None:
    server = Server(1)
    server.fire(ELECTION)
    assert (server.raft.role, server.raft.current_term) == ("candidate", 2)


def test_append_entries_of_the_leader_and_a_granted_vote_reset_the_election_timer() -> None:
    server = Server(1)
    for message in (AppendEntries(1, "n2", 0, 0, (), 0, 0), RequestVote(2, "n3", 1, 1)):
        server.ctx.timers.clear()
        server.receive("n2", message)
        assert ELECTION in server.ctx.timers


def test_a_refused_vote_and_an_old_leader_do_not_reset_the_election_timer() -> None:
    server = Server(1, 2)
    for message in (RequestVote(2, "n3", 1, 1), AppendEntries(1, "n2", 0, 0, (), 0, 0)):
        server.ctx.timers.clear()
        server.receive("n2", message)
        assert ELECTION not in server.ctx.timers


# Candidates (§5.2)


def test_a_candidate_increments_its_term_votes_for_itself_and_asks_all_others() -> None:
    server = Server(1)
    sent = server.fire(ELECTION)
    assert (server.raft.current_term, server.raft.voted_for) == (2, "n1")
    assert sent == [(peer, RequestVote(2, "n1", 1, 1)) for peer in ("n2", "n3")]
    assert ELECTION in server.ctx.timers


def test_a_majority_of_votes_makes_a_leader_and_votes_of_other_terms_do_not_count() -> None:
    server = Server(1)
    server.fire(ELECTION)
    server.receive("n2", RequestVoteReply(1, True))
    server.receive("n3", RequestVoteReply(2, False))
    assert server.raft.role == "candidate"
    server.receive("n2", RequestVoteReply(2, True))
    assert server.raft.role == "leader"


def test_a_candidate_follows_a_leader_of_its_term() -> None:
    server = Server(1)
    server.fire(ELECTION)
    server.append(2, 0, 0)
    assert (server.raft.role, server.raft.leader_id) == ("follower", "n2")


def test_a_candidate_whose_election_timeout_elapses_starts_a_new_election() -> None:
    server = Server(1)
    server.fire(ELECTION)
    server.fire(ELECTION)
    assert (server.raft.role, server.raft.current_term, server.raft.votes) == ("candidate", 3, {"n1"})


# Leaders (§5.3, §5.4)


def test_a_leader_sends_append_entries_upon_election_and_in_idle_periods() -> None:
    server = leader(1)
    assert {to for to, message in server.ctx.sent if isinstance(message, AppendEntries)} == {"n2", "n3"}
    acknowledge(server, "n2", 2)
    acknowledge(server, "n3", 2)
    beats = server.fire(HEARTBEAT)
    assert [(to, message.entries) for to, message in beats] == [("n2", ()), ("n3", ())]
    assert HEARTBEAT in server.ctx.timers


def test_a_command_is_answered_after_it_is_applied() -> None:
    server = leader(1)
    server.receive("c1", Request("a", "c1", "write", "x", 1))
    assert server.ctx.answers == []
    acknowledge(server, "n2", 3)
    assert [(reply.id, reply.status) for reply in server.ctx.answers] == [("a", "ok")]


def test_entries_from_next_index_on_are_sent() -> None:
    server = leader(1, 1)
    server.raft.next_index["n2"] = 2
    (message,) = [message for to, message in server.fire(HEARTBEAT) if to == "n2"]
    assert (message.prev_log_index, message.prev_log_term) == (1, 1)
    assert [entry.term for entry in message.entries] == [1, 2]


def test_success_moves_next_index_and_match_index_and_an_old_success_does_not_move_them_back() -> None:
    server = leader(1, 1)
    for match_index in (3, 1):
        acknowledge(server, "n2", match_index)
        assert (server.raft.next_index["n2"], server.raft.match_index["n2"]) == (4, 3)


def test_an_inconsistency_decrements_next_index_and_retries() -> None:
    server = leader(1, 1, 1)
    (again,) = server.receive("n2", AppendEntriesReply(2, False, 0, 2, 0))
    assert (server.raft.next_index["n2"], again.prev_log_index) == (2, 1)


def test_an_entry_of_the_current_term_on_a_majority_is_committed() -> None:
    server = leader(1)
    acknowledge(server, "n2", 2)
    assert server.raft.commit_index == 2


def test_an_entry_of_an_earlier_term_is_not_committed_by_counting_replicas() -> None:
    """§5.4.2 and figure 8."""
    server = leader(1)
    acknowledge(server, "n2", 1)
    assert server.raft.commit_index == 0


# The core alone


@pytest.mark.parametrize("seed", range(3))
def test_the_core_runs_without_any_extension(seed: int) -> None:
    target = replace(RAFT, node=Raft, invariants=(), sessions=False)
    cluster = SimulatedCluster(target, 3, seed)
    cluster.start()
    cluster.run(until=lambda: any(view["role"] == "leader" for view in cluster.views().values()), until_ms=3000.0)
    (first,) = [node for node, view in cluster.views().items() if view["role"] == "leader"]
    replies: list[Reply | None] = []
    for number, (f, value) in enumerate((("write", 7), ("cas", (7, 8)), ("read", None))):
        cluster.invoke(Request(f"c0.{number}", "c0", f, "x", value), first, 1000.0, replies.append)
        cluster.run(until_ms=cluster.now_ms + 200.0)
    assert [reply.output if reply else None for reply in replies] == [None, True, 8]
