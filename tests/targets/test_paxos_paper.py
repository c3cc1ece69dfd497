"""A test for each requirement of "Paxos Made Simple" (Lamport 2001), section 2: P1 to P2c, choosing, storage."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from targets.backends.simulator.disk import SimulatedDisk
from targets.protocol.node import NodeId, Request
from targets.systems.paxos.kv import PaxosKv
from targets.systems.paxos.messages import (
    NO_BALLOT,
    Accept,
    Accepted,
    Ballot,
    Chosen,
    Instance,
    Prepare,
    Promise,
    Refuse,
    Row,
)
from tests.targets.stub import Stub

ONE = Instance("x", 1)
OLD, LOW, HIGH = Ballot(1, "n3"), Ballot(2, "n2"), Ballot(3, "n3")


def row(value: Any) -> Row:
    return Row(1, value)


class Node:
    """n1 of three; `gets` returns what it sent upon a message."""

    def __init__(self, disk: SimulatedDisk | None = None) -> None:
        self.ctx = Stub(disk or SimulatedDisk())
        self.node = PaxosKv()
        self.node.start(self.ctx)

    def gets(self, sender: NodeId, message: Any) -> list[tuple[NodeId, Any]]:
        self.ctx.sent.clear()
        self.node.receive(sender, message)
        return list(self.ctx.sent)

    def crash(self) -> Node:
        """The same node after a power loss and a restart."""
        self.ctx.disk.lose_power(Random(1), torn=False)
        return Node(self.ctx.disk)


def asked(f: str = "write", value: Any = 7) -> tuple[Node, Ballot]:
    """A node that was asked by a client and has begun phase 1, with its ballot."""
    node = Node()
    sent = node.gets("c0", Request("a", "c0", f, "x", value))
    assert [to for to, message in sent if isinstance(message, Prepare)] == ["n2", "n3"]
    ballot: Ballot = sent[0][1].ballot
    return node, ballot


# The acceptor


def test_p1_an_acceptor_accepts_the_first_proposal_that_it_receives() -> None:
    assert Node().gets("n2", Accept(ONE, LOW, row(1))) == [("n2", Accepted(ONE, LOW))]


def test_p1a_a_proposal_is_not_accepted_after_a_response_to_a_prepare_with_a_greater_number() -> None:
    node = Node()
    node.gets("n3", Prepare(ONE, HIGH))
    assert node.gets("n2", Accept(ONE, LOW, row(1))) == [("n2", Refuse(ONE, LOW, HIGH))]
    assert node.gets("n3", Accept(ONE, HIGH, row(2))) == [("n3", Accepted(ONE, HIGH))]


def test_phase_1b_a_prepare_with_a_greater_number_is_answered_with_the_highest_accepted_proposal() -> None:
    node = Node()
    assert node.gets("n2", Prepare(ONE, LOW)) == [("n2", Promise(ONE, LOW, NO_BALLOT, None))]
    node.gets("n2", Accept(ONE, LOW, row(1)))
    assert node.gets("n3", Prepare(ONE, HIGH)) == [("n3", Promise(ONE, HIGH, LOW, row(1)))]


def test_a_prepare_with_a_smaller_number_is_refused() -> None:
    node = Node()
    node.gets("n3", Prepare(ONE, HIGH))
    assert node.gets("n2", Prepare(ONE, LOW)) == [("n2", Refuse(ONE, LOW, HIGH))]


@pytest.mark.parametrize("message", [Prepare(ONE, HIGH), Accept(ONE, HIGH, row(2))], ids=["promise", "vote"])
def test_an_acceptor_records_its_response_in_stable_storage_before_it_sends_it(message: Any) -> None:
    """Section 2.5."""
    node = Node()
    node.gets("n2", Accept(ONE, LOW, row(1)))
    node.gets("n3", message)
    again = node.crash()
    assert again.gets("n2", Accept(ONE, LOW, row(9))) == [("n2", Refuse(ONE, LOW, HIGH))]


# The proposer


def test_phase_1a_two_proposers_share_no_ballot_and_a_new_ballot_is_above_all_used_before() -> None:
    node, first = asked()
    assert first.node == "n1"
    node.gets("n2", Refuse(ONE, first, HIGH))
    node.node.timeout(("ballot", "x"))
    second = next(message.ballot for _, message in node.ctx.sent if isinstance(message, Prepare))
    assert second > HIGH > first
    again = node.crash()
    (third,) = {m.ballot for _, m in again.gets("c0", Request("b", "c0", "write", "x", 8)) if isinstance(m, Prepare)}
    assert third > second, "section 2.5: also after a crash"


def test_phase_2a_waits_for_a_majority_of_promises() -> None:
    node, ballot = asked()
    sent = node.gets("n2", Promise(ONE, ballot))
    assert [(to, type(message)) for to, message in sent] == [("n2", Accept), ("n3", Accept)]
    alone, ballot = asked()
    assert alone.gets("n2", Promise(ONE, Ballot(ballot.round + 1, "n1"))) == [], "a promise of another ballot"


def test_p2c_without_an_accepted_proposal_the_proposer_is_free() -> None:
    node, ballot = asked("write", 7)
    (_, accept), *_ = node.gets("n2", Promise(ONE, ballot))
    assert accept.row.value == 7


def test_p2c_with_one_the_value_of_the_highest_numbered_proposal_is_proposed() -> None:
    node = Node()
    node.gets("n3", Accept(ONE, OLD, row("old")))
    sent = node.gets("c0", Request("a", "c0", "write", "x", 7))
    ballot = sent[0][1].ballot
    (_, accept), *_ = node.gets("n2", Promise(ONE, ballot, LOW, row("newer")))
    assert accept.row.value == "newer"


# Learning


def test_a_value_is_chosen_when_a_majority_accepted_it() -> None:
    node, ballot = asked()
    node.gets("n2", Promise(ONE, ballot))
    assert node.ctx.answers == []
    sent = node.gets("n2", Accepted(ONE, ballot))
    assert {type(message) for _, message in sent} >= {Chosen}
    assert [reply.status for reply in node.ctx.answers] == ["ok"]


def test_acceptances_of_another_ballot_do_not_count() -> None:
    node, ballot = asked()
    node.gets("n2", Promise(ONE, ballot))
    node.gets("n2", Accepted(ONE, LOW))
    assert node.ctx.answers == []


def test_a_read_finishes_a_proposal_that_may_be_chosen_before_it_answers() -> None:
    node, ballot = asked("read", None)
    (_, accept), *_ = node.gets("n2", Promise(ONE, ballot, LOW, row("half done")))
    assert accept.row.value == "half done"
    assert node.ctx.answers == []
