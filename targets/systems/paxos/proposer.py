"""The proposer: one attempt to get a row chosen in one instance, under one ballot.

"Paxos Made Simple", section 2.2, phase 2a: "If the proposer receives a response to its prepare requests (numbered n)
from a majority of acceptors, then it sends an accept request to each of those acceptors for a proposal numbered n
with a value v, where v is the value of the highest-numbered proposal among the responses, or is any value if the
responses reported no proposals."
"""

from __future__ import annotations

from collections.abc import Collection

from targets.protocol.node import NodeId
from targets.systems.majority import majority
from targets.systems.paxos.messages import NO_BALLOT, Ballot, Instance, Promise, Row


class Attempt:
    """One ballot on one instance: first it gathers promises, then, once `row` is set, acceptances."""

    def __init__(self, instance: Instance, ballot: Ballot) -> None:
        self.instance = instance
        self.ballot = ballot
        self.promises: dict[NodeId, Promise] = {}
        self.row: Row | None = None
        self.acceptors: dict[NodeId, Ballot] = {}
        """Who accepted, in order of arrival (a dict keeps it)."""


class Proposer:
    """The rules a proposer follows. It keeps nothing: the ballot it used last is what its own acceptor promised."""

    def __init__(self, me: NodeId, nodes: tuple[NodeId, ...]) -> None:
        self.me = me
        self.nodes = nodes

    def next_ballot(self, instance: Instance, seen: Ballot) -> Ballot:
        """A ballot above all `seen`, which includes the promise of this node's own acceptor.

        Section 2.5: "Each proposer remembers (in stable storage) the highest-numbered proposal it has tried to issue,
        and begins phase 1 with a higher proposal number than any it has already used." Our own acceptor promises
        every ballot of ours before any other node learns of it, so its promise, on disk, is that number.
        """
        return Ballot(seen.round + 1, self.me)

    def is_quorum(self, who: Collection[NodeId]) -> bool:
        """Any two majorities share an acceptor: all of Paxos' safety rests on this."""
        return len(who) >= majority(self.nodes)

    def chooses(self, acceptors: Collection[NodeId]) -> bool:
        """Section 2.2: a value is chosen when a majority has accepted it."""
        return self.is_quorum(acceptors)

    def inherited(self, promises: Collection[Promise]) -> Row | None:
        """The row that this ballot must propose (P2c), or None if it is free to propose any."""
        highest = max(promises, key=lambda promise: promise.accepted)
        return None if highest.accepted == NO_BALLOT else highest.row
