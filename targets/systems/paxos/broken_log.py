"""Broken variants of the Paxos log: each overrides one decision."""

from __future__ import annotations

from targets.protocol.node import NodeId, Request
from targets.systems.journal import Journal
from targets.systems.paxos.leader import Leader, command_in, pmax
from targets.systems.paxos.log import PaxosLog
from targets.systems.paxos.log_acceptor import LogAcceptor
from targets.systems.paxos.log_messages import NO_OP, Ballot, Command, Pvalue


class GetFallsBackToLocal(PaxosLog):
    """A read that no leader has taken in time is answered from the node's own copy.

    Misconception: an old value is better than no answer. The copy is as old as the last decision that the node learned:
    stale read.
    """

    def give_up(self, request: Request) -> None:
        if request.f == "read":
            self.ctx.reply(request, self.machine.values.get(request.key))
        else:
            super().give_up(request)


class LeaderStartsOwnSlot(PaxosLog):
    """A new leader continues after its own last slot, whatever the promises report there.

    Misconception: a new leader knows all used slots. A slot is decided twice: split brain.
    """

    class OwnCount(Leader):
        def adopt(self, me: NodeId) -> dict[int, Command]:
            own = pmax({me: self.promises[me]})
            return {slot: command_in(own, slot) for slot in range(self.first, max(own, default=-1) + 1)}

    def make_leader(self, ballot: Ballot) -> Leader:
        return self.OwnCount(ballot, self.applied)


class PromiseOmitsCommitted(PaxosLog):
    """A promise reports only what is not decided yet.

    Misconception: a new leader knows all decisions. One that missed a decision fills its slot with another command:
    lost acknowledged write.
    """

    class Terse(LogAcceptor):
        def report(self, first: int, decided: int) -> tuple[Pvalue, ...]:
            return super().report(max(first, decided), decided)

    def make_acceptor(self, journal: Journal) -> LogAcceptor:
        return self.Terse(journal)


class ApplyOverGap(PaxosLog):
    """A replica executes each decision when it arrives.

    Misconception: decisions arrive in order. One that is late is executed after those of later slots: replicas differ,
    split brain.
    """

    def learn(self, slot: int, command: Command) -> None:
        self.decisions[slot] = command
        self.applied = max(self.applied, slot + 1)
        self.execute(command)


class FillHoleWithoutPhaseOne(PaxosLog):
    """A new leader fills the slots for which it has no command with no-ops, whatever the promises report.

    Misconception: a slot without a command is free. A promise may report a command there that is decided: lost
    acknowledged write.
    """

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
