"""A test for each rule of the register of Attiya, Bar-Noy and Dolev (1995), with several writers as Lynch and
Shvartsman (1997): two phases for a write, two for a read, and what a replica does."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from targets.backends.simulator.disk import SimulatedDisk
from targets.protocol.node import NodeId, Request
from targets.systems.quorum.messages import NEVER, Get, Got, Put, Stored
from targets.systems.quorum.node import RESEND_MS, QuorumNode
from tests.targets.stub import Stub


class Replica:
    """One replica of three, n1 unless named; `gets` returns what it sent upon a message."""

    def __init__(self, disk: SimulatedDisk | None = None, me: NodeId = "n1") -> None:
        self.ctx = Stub(disk or SimulatedDisk(), me)
        self.node = QuorumNode()
        self.node.start(self.ctx)

    def gets(self, sender: NodeId, message: Any) -> list[tuple[NodeId, Any]]:
        self.ctx.sent.clear()
        self.node.receive(sender, message)
        return list(self.ctx.sent)

    def asks(self, f: str, value: Any = None) -> int:
        """A client asks it; returns the number of the operation, whose first phase has begun."""
        sent = self.gets("c0", Request(f"{f} {value}", "c0", f, "x", value))
        assert {to for to, message in sent if isinstance(message, Get)} == {"n1", "n2", "n3"} - {self.ctx.me}
        number: int = sent[0][1].op
        return number

    @property
    def outputs(self) -> list[Any]:
        return [reply.output for reply in self.ctx.answers if reply.status == "ok"]


def test_a_replica_answers_a_query_with_its_version_and_value() -> None:
    replica = Replica()
    assert replica.gets("n2", Get(5, "x")) == [("n2", Got(5, NEVER, None))]
    replica.gets("n2", Put(6, "x", (3, "n2"), "v"))
    assert replica.gets("n2", Get(7, "x")) == [("n2", Got(7, (3, "n2"), "v"))]


def test_a_replica_keeps_the_greater_version_and_acknowledges_either() -> None:
    replica = Replica()
    replica.gets("n2", Put(1, "x", (3, "n2"), "new"))
    assert replica.gets("n3", Put(2, "x", (2, "n3"), "old")) == [("n3", Stored(2))]
    assert replica.gets("n2", Get(3, "x")) == [("n2", Got(3, (3, "n2"), "new"))]


def test_what_a_replica_acknowledged_survives_a_power_loss() -> None:
    replica = Replica()
    replica.gets("n2", Put(1, "x", (3, "n2"), "v"))
    replica.ctx.disk.lose_power(Random(1), torn=False)
    assert Replica(replica.ctx.disk).gets("n2", Get(7, "x")) == [("n2", Got(7, (3, "n2"), "v"))]


def test_a_write_takes_a_version_greater_than_those_of_a_majority() -> None:
    replica = Replica()
    number = replica.asks("write", "mine")
    sent = replica.gets("n2", Got(number, (4, "n3"), "theirs"))
    assert {(to, message.version, message.value) for to, message in sent} == {
        (to, (5, "n1"), "mine") for to in ("n2", "n3")
    }


def test_two_writers_that_find_the_same_version_choose_different_ones() -> None:
    versions = set()
    for me in ("n1", "n3"):
        replica = Replica(me=me)
        number = replica.asks("write", me)
        versions |= {message.version for _, message in replica.gets("n2", Got(number, (4, "n2"), "theirs"))}
    assert versions == {(5, "n1"), (5, "n3")}


def test_a_write_answers_when_a_majority_stored_it() -> None:
    replica = Replica()
    number = replica.asks("write", "mine")
    replica.gets("n2", Got(number, NEVER, None))
    assert replica.ctx.answers == []
    replica.gets("n3", Stored(number))
    assert [reply.status for reply in replica.ctx.answers] == ["ok"]


def test_a_read_answers_at_once_where_a_majority_agrees() -> None:
    replica = Replica()
    replica.gets("n2", Put(1, "x", (3, "n2"), "v"))
    number = replica.asks("read")
    replica.gets("n2", Got(number, (3, "n2"), "v"))
    assert replica.outputs == ["v"]


@pytest.mark.parametrize("newer_at", ["n1", "n2"])
def test_a_read_writes_the_newest_value_back_to_a_majority_before_it_answers(newer_at: NodeId) -> None:
    """Without this phase (read repair) a later read may find an older value."""
    replica = Replica()
    if newer_at == "n1":
        replica.gets("n2", Put(1, "x", (3, "n2"), "new"))
    number = replica.asks("read")
    answer = Got(number, (3, "n2"), "new") if newer_at == "n2" else Got(number, NEVER, None)
    sent = replica.gets("n2", answer)
    assert {(message.version, message.value) for _, message in sent if isinstance(message, Put)} == {((3, "n2"), "new")}
    assert replica.outputs == []
    replica.gets("n3", Stored(number))
    assert replica.outputs == ["new"]


def test_a_phase_asks_again_those_that_were_silent() -> None:
    replica = Replica()
    number = replica.asks("read")
    assert replica.ctx.timers[number] == RESEND_MS
    replica.ctx.sent.clear()
    replica.node.timeout(number)
    assert [to for to, message in replica.ctx.sent if isinstance(message, Get)] == ["n2", "n3"]


def test_a_version_that_was_given_out_is_not_given_out_again_after_a_crash() -> None:
    replica = Replica()
    number = replica.asks("write", "one")
    (_, first), *_ = replica.gets("n2", Got(number, NEVER, None))
    replica.ctx.disk.lose_power(Random(1), torn=False)
    again = Replica(replica.ctx.disk)
    number = again.asks("write", "two")
    (_, second), *_ = again.gets("n2", Got(number, NEVER, None))
    assert second.version > first.version
