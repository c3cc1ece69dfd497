"""Paxos' promises: an acceptor that falls below one is seen at the very step in which it does."""

from __future__ import annotations

import pytest

from targets.protocol.node import Node, NodeId
from targets.systems.paxos.acceptor import Acceptor, Slot
from targets.systems.paxos.invariants import PromisesNeverFall
from targets.systems.paxos.messages import Ballot, Instance, Promise, Row
from targets.systems.paxos.proposer import Attempt
from targets.systems.paxos.register import PaxosRegister

NODES = ("n1", "n2", "n3")
LOW, HIGH = Ballot(1, "n1"), Ballot(2, "n1")
FIRST = Instance("x", 1)

every_pair = pytest.mark.parametrize(
    ("proposer", "acceptor"), [(one, other) for one in NODES for other in NODES if one != other]
)


class Watched:
    """Three replicas without a world. `proposer` has heard from all that they promised HIGH for FIRST."""

    def __init__(self, proposer: NodeId) -> None:
        self.invariant = PromisesNeverFall()
        self.replicas: dict[NodeId, PaxosRegister] = {}
        for name in NODES:
            self.restart(name)
            self.promise(name, HIGH)
        attempt = self.replicas[proposer].attempts["x"] = Attempt(FIRST, HIGH)
        for name in NODES:
            attempt.promises[name] = Promise(FIRST, HIGH)
        for name in (proposer, *NODES, *NODES):
            assert self.step(name) is None

    def restart(self, name: NodeId) -> None:
        """A replica that knows nothing takes the place of this one."""
        replica = self.replicas[name] = PaxosRegister()
        replica.rows, replica.attempts = {}, {}
        replica.acceptor = Acceptor(None)  # type: ignore[arg-type]

    def promise(self, name: NodeId, ballot: Ballot) -> None:
        slot = self.replicas[name].acceptor.slots[FIRST] = Slot()
        slot.promised = ballot

    def step(self, name: NodeId) -> str | None:
        nodes: dict[NodeId, Node] = dict(self.replicas)
        return self.invariant.check(name, nodes)


@every_pair
def test_a_promise_that_fell_is_seen_at_the_step_of_its_acceptor(proposer: NodeId, acceptor: NodeId) -> None:
    watched = Watched(proposer)
    watched.promise(acceptor, LOW)
    assert [watched.step(other) for other in NODES if other != acceptor] == [None, None]
    assert str(watched.step(acceptor)).startswith(f"{acceptor} promised (2, 'n1') for ('x', 1) and now holds (1, ")


@every_pair
def test_a_promise_that_a_restart_forgot_is_seen(proposer: NodeId, acceptor: NodeId) -> None:
    watched = Watched(proposer)
    watched.restart(acceptor)
    assert str(watched.step(acceptor)).startswith(f"{acceptor} promised (2, 'n1') for ('x', 1) and now holds (0, ")


@every_pair
def test_a_promise_that_had_fallen_before_its_proposer_heard_of_it_is_seen_then(
    proposer: NodeId, acceptor: NodeId
) -> None:
    watched = Watched(proposer)
    attempt = watched.replicas[proposer].attempts["x"] = Attempt(FIRST, Ballot(3, "n2"))
    assert watched.step(proposer) is None
    attempt.promises[acceptor] = Promise(FIRST, attempt.ballot)
    assert str(watched.step(proposer)).startswith(f"{acceptor} promised (3, 'n2') for ('x', 1) and now holds (2, ")


@every_pair
def test_the_promise_for_an_instance_that_is_over_binds_nobody(proposer: NodeId, acceptor: NodeId) -> None:
    watched = Watched(proposer)
    watched.replicas[acceptor].acceptor.forget(FIRST)
    watched.replicas[acceptor].rows["x"] = Row(1, "v")
    watched.replicas[proposer].attempts.clear()
    assert [watched.step(name) for name in NODES] == [None] * 3
    watched.restart(acceptor)  # the row was written lazily, and is lost with the promise
    assert watched.step(acceptor) is None
