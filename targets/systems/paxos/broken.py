"""Broken variants of Paxos: each overrides one decision of acceptor, proposer or replica."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from targets.protocol.node import NodeId, Request
from targets.systems.journal import Journal
from targets.systems.paxos.acceptor import Acceptor, Promised, Slot, Vote
from targets.systems.paxos.kv import PaxosKv
from targets.systems.paxos.messages import Ballot, Chosen, Instance, Promise, Row
from targets.systems.paxos.proposer import Proposer
from targets.systems.paxos.replica import Answer


class PromiseVolatile(PaxosKv):
    """An acceptor keeps its promises in memory only.

    Misconception: a promise may be kept in memory. An acceptor that is killed between promise and accept forgets the
    promise and accepts an older ballot of another proposer beside the newer one: an acknowledged write is lost.
    """

    class Forgetful(Acceptor):
        def persist_promise(self, record: Promised) -> None:
            return

    def make_acceptor(self, journal: Journal) -> Acceptor:
        return self.Forgetful(journal)


class AcceptVolatile(PaxosKv):
    """An acceptor keeps what it accepted in memory only.

    Misconception: a vote may be kept in memory. A killed acceptor no longer reports the row that its vote had made
    chosen, and the next ballot chooses another: an acknowledged write is lost.
    """

    class Forgetful(Acceptor):
        def persist_vote(self, record: Vote) -> None:
            return

    def make_acceptor(self, journal: Journal) -> Acceptor:
        return self.Forgetful(journal)


class AcceptBelowPromise(PaxosKv):
    """An acceptor accepts a ballot below its promise.

    Misconception: a promise concerns prepare requests only. A delayed accept of an old ballot overwrites what a newer
    one had accepted: an acknowledged write is lost.
    """

    class AcceptsAll(Acceptor):
        def may_accept(self, ballot: Ballot, slot: Slot) -> bool:
            return True

    def make_acceptor(self, journal: Journal) -> Acceptor:
        return self.AcceptsAll(journal)


class OwnValueAlways(PaxosKv):
    """The proposer proposes its own row although a promise reports another.

    Misconception: phase 1 is only a lock. The reported row may be chosen already: an acknowledged write is lost, and
    two cas from one value succeed.
    """

    class OwnValue(Proposer):
        def inherited(self, promises: Collection[Promise]) -> Row | None:
            return None

    def make_proposer(self) -> Proposer:
        return self.OwnValue(self.ctx.me, self.ctx.nodes)


class AdoptAnyAccepted(PaxosKv):
    """The proposer adopts any row that the promises report, whatever its ballot.

    Misconception: any reported row is as good as another. After two unfinished proposals the third proposer adopts the
    older one, although the newer may be chosen: an acknowledged write is lost.
    """

    class AnyValue(Proposer):
        def inherited(self, promises: Collection[Promise]) -> Row | None:
            reported = [promise for promise in promises if promise.row is not None]
            return min(reported, key=lambda promise: promise.accepted).row if reported else None

    def make_proposer(self) -> Proposer:
        return self.AnyValue(self.ctx.me, self.ctx.nodes)


class BallotCollision(PaxosKv):
    """A ballot is a counter without the node's name.

    Misconception: two proposers never choose the same counter. They use one ballot, acceptors accept from both, and two
    rows are chosen: split brain.
    """

    class Nameless(Proposer):
        def next_ballot(self, instance: Instance, seen: Ballot) -> Ballot:
            return Ballot(seen.round + 1, "")

    def make_proposer(self) -> Proposer:
        return self.Nameless(self.ctx.me, self.ctx.nodes)


class BallotReset(PaxosKv):
    """Ballots are counted from 1 in memory, and an acceptor keeps no record of its own node's ballots.

    Misconception: a restarted proposer may count from 1 again. It uses a ballot a second time, for another row: one
    ballot has two values, and both may be chosen: split brain.
    """

    class FreshProposer(Proposer):
        def __init__(self, me: NodeId, nodes: tuple[NodeId, ...]) -> None:
            super().__init__(me, nodes)
            self.rounds: dict[Instance, int] = {}

        def next_ballot(self, instance: Instance, seen: Ballot) -> Ballot:
            self.rounds[instance] = self.rounds.get(instance, 0) + 1
            return Ballot(self.rounds[instance], self.me)

    class FreshAcceptor(Acceptor):
        me: NodeId

        def persist_promise(self, record: Promised) -> None:
            if record.ballot.node != self.me:
                super().persist_promise(record)

        def persist_vote(self, record: Vote) -> None:
            if record.ballot.node != self.me:
                super().persist_vote(record)

    def make_proposer(self) -> Proposer:
        return self.FreshProposer(self.ctx.me, self.ctx.nodes)

    def make_acceptor(self, journal: Journal) -> Acceptor:
        acceptor = self.FreshAcceptor(journal)
        acceptor.me = self.me
        return acceptor


class LearnFromMinority(PaxosKv):
    """The proposer acknowledges when the first acceptor, its own, has accepted.

    Misconception: a row is chosen once one acceptor has it. A majority that never received the row chooses another one:
    an acknowledged write is lost.
    """

    class Hasty(Proposer):
        def chooses(self, acceptors: Collection[NodeId]) -> bool:
            return bool(acceptors)

    def make_proposer(self) -> Proposer:
        return self.Hasty(self.ctx.me, self.ctx.nodes)


class LocalRead(PaxosKv):
    """A node answers reads from its own copy.

    Misconception: what is committed here is the latest. A node that was partitioned, or has not received the newest row
    yet, answers with an older one: stale read.
    """

    def without_ballot(self, request: Request, row: Row) -> Answer | None:
        return Answer(row.value) if request.f == "read" else None


class ReadWithoutRepropose(PaxosKv):
    """A read answers with a row that one acceptor has accepted, and does not finish it.

    Misconception: a read has nothing to propose. Cassandra had this bug (CASSANDRA-12126). The next read asks a quorum
    without that acceptor and returns the older row: a non-monotonic read.
    """

    def without_finishing(self, request: Request, row: Row) -> Answer | None:
        return Answer(row.value) if request.f == "read" else None


class FailedCasNotProposed(PaxosKv):
    """A cas that would change nothing is answered from the node's own copy.

    Misconception: an operation without effect needs no ballot. The copy may be old: the cas answers that the value is
    not there, after a client has read it: a non-monotonic read.
    """

    def without_ballot(self, request: Request, row: Row) -> Answer | None:
        return Answer(False) if request.f == "cas" and request.input[0] != row.value else None


class CommitReExecutes(PaxosKv):
    """Every announcement of a row is carried out.

    Misconception: each commit is announced once. An announcement that arrives twice is carried out twice, and the value
    of an old version returns after newer ones: applied twice.
    """

    def is_news(self, message: Chosen) -> bool:
        return True

    def advance(self, key: Any, row: Row) -> None:
        newest = self.row(key)
        super().advance(key, newest if row.version < newest.version else row)
        self.rows[key] = Row(self.rows[key].version, row.value, self.rows[key].recent)
