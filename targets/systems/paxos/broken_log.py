"""Broken variants of the Paxos log: each overrides one decision."""

from __future__ import annotations

from targets.protocol.node import NodeId, Request
from targets.systems.journal import Journal
from targets.systems.paxos.leader import Leader, command_in, pmax
from targets.systems.paxos.log import PaxosLog
from targets.systems.paxos.log_acceptor import LogAcceptor
from targets.systems.paxos.log_messages import NO_OP, Ballot, Command, Pvalue


class GetFallsBackToLocal(PaxosLog):
    """Believes that giving up is an answer. A read that no leader took is answered from the node's own copy at last:
    stale read. Faults: partition. Patterns: replicated log."""

    def give_up(self, request: Request) -> None:
        if request.f == "read":
            self.ctx.reply(request, self.machine.values.get(request.key))
        else:
            super().give_up(request)


class LeaderStartsOwnSlot(PaxosLog):
    """Believes that its own count of slots is fresh. A new leader goes on behind its own last slot, whatever the
    promises report there: a slot is decided twice, split brain. Faults: leader isolated. Patterns: replicated log."""

    class OwnCount(Leader):
        def adopt(self, me: NodeId) -> dict[int, Command]:
            own = pmax({me: self.promises[me]})
            return {slot: command_in(own, slot) for slot in range(self.first, max(own, default=-1) + 1)}

    def make_leader(self, ballot: Ballot) -> Leader:
        return self.OwnCount(ballot, self.applied)


class PromiseOmitsCommitted(PaxosLog):
    """Believes that the leader knows what is decided. A promise reports only what is not decided yet; a new leader
    that missed a decision fills its slot with something else: lost acknowledged write.
    Faults: leader isolated. Patterns: replicated log, high-water mark."""

    class Terse(LogAcceptor):
        def report(self, first: int, decided: int) -> tuple[Pvalue, ...]:
            return super().report(max(first, decided), decided)

    def make_acceptor(self, journal: Journal) -> LogAcceptor:
        return self.Terse(journal)


class ApplyOverGap(PaxosLog):
    """Believes that decisions arrive in order. A replica executes each one as it comes, and one that came late after
    those behind it: replicas differ, split brain. Faults: delay, reordering. Patterns: replicated log."""

    def learn(self, slot: int, command: Command) -> None:
        self.decisions[slot] = command
        self.applied = max(self.applied, slot + 1)
        self.execute(command)


class FillHoleWithoutPhaseOne(PaxosLog):
    """Believes that a hole in its own log is empty. A new leader fills the slots it has nothing for with no-ops,
    without a look at what the promises say of them: lost acknowledged write.
    Faults: leader isolated. Patterns: replicated log."""

    class Filler(Leader):
        def adopt(self, me: NodeId) -> dict[int, Command]:
            proposals = super().adopt(me)
            own = pmax({me: self.promises[me]})
            return {
                slot: NO_OP if slot < max(own, default=-1) and slot not in own else command
                for slot, command in proposals.items()
            }

    def make_leader(self, ballot: Ballot) -> Leader:
        return self.Filler(ballot, self.applied)
