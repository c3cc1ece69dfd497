"""Broken variants of the generation clock: each overrides one decision of voter, candidate or owner."""

from __future__ import annotations

import msgspec

from targets.protocol.node import Context, NodeId
from targets.systems.generation.clock import GenerationClock, Standing, Storing, Task
from targets.systems.generation.messages import Campaign, Entry, Store, Vote
from targets.systems.generation.voter import Granted, Kept, Voter
from targets.systems.journal import Journal


class GenerationVolatile(GenerationClock):
    """Believes that a promise need not outlive memory. A voter that is killed forgets which generation it gave away,
    and gives it away again: one generation has two owners. Faults: kill. Patterns: generation clock."""

    class Forgetful(Voter):
        def persist(self, *records: msgspec.Struct) -> None:
            super().persist(*(record for record in records if isinstance(record, Kept)))

    def make_voter(self) -> Voter:
        return self.Forgetful(Journal(self.ctx.disk, Granted, Kept))


class ReplyBeforeDurable(GenerationClock):
    """Believes that the write will finish, and answers before it. A voter that is killed between answer and write
    has given away a generation that it no longer knows: one generation has two owners.
    Faults: kill between two effects. Patterns: generation clock, write-ahead log."""

    class Eager(Voter):
        def __init__(self, journal: Journal) -> None:
            super().__init__(journal)
            self.unwritten: list[msgspec.Struct] = []

        def persist(self, *records: msgspec.Struct) -> None:
            self.unwritten += records

    def make_voter(self) -> Voter:
        return self.Eager(Journal(self.ctx.disk, Granted, Kept))

    def on_campaign(self, sender: NodeId, message: Campaign) -> None:
        super().on_campaign(sender, message)
        self.write_late()

    def on_store(self, sender: NodeId, message: Store) -> None:
        super().on_store(sender, message)
        self.write_late()

    def campaign(self) -> None:
        super().campaign()
        self.write_late()

    def send_round(self, storing: Storing) -> None:
        super().send_round(storing)
        self.write_late()

    def write_late(self) -> None:
        """The answer is on its way; now the disk."""
        voter = self.voter
        if isinstance(voter, self.Eager) and voter.unwritten:
            voter.journal.write(*voter.unwritten)
            voter.unwritten.clear()


class EqualWithoutVotedFor(GenerationClock):
    """Believes that an equal generation is one's own, and does not remember for whom it voted. Two candidates of one
    generation both get a majority: duplicate generation. Faults: none. Patterns: generation clock."""

    class Generous(Voter):
        def may_grant(self, generation: int, candidate: NodeId) -> bool:
            return generation >= self.generation

    def make_voter(self) -> Voter:
        return self.Generous(Journal(self.ctx.disk, Granted, Kept))


class NoFencing(GenerationClock):
    """Believes that a deposed owner knows that it is one. Replicas acknowledge stores of generations that are over,
    and an owner that was paused or cut off acknowledges a write that nobody will read: lost acknowledged write.
    Faults: pause, leader isolated. Patterns: generation clock, fencing."""

    class Open(Voter):
        def may_store(self, generation: int) -> bool:
            return True

    def make_voter(self) -> Voter:
        return self.Open(Journal(self.ctx.disk, Granted, Kept))


class LateVoteCounts(GenerationClock):
    """Believes that every vote that arrives belongs to the present campaign. A vote for an earlier generation makes
    a candidate the owner of one that no majority has granted: two owners at once, split brain.
    Faults: delay. Patterns: generation clock."""

    def counts(self, vote: Vote, standing: Standing) -> bool:
        return True


LEASE_MS = 80.0
"""How long a replica that has stored something for an owner gives no generation to anybody else."""


class UnboundedLease(GenerationClock):
    """Believes that its own clock is the lease's clock. An owner reads from memory for as long as its clock says,
    counted from when the answers reached it; a slow clock, or a pause on the way, makes its lease outlive the one
    that the voters granted: stale read. Faults: clock skew, pause. Patterns: generation clock, lease."""

    class Lender(Voter):
        def __init__(self, ctx: Context) -> None:
            super().__init__(Journal(ctx.disk, Granted, Kept))
            self.ctx = ctx
            self.lent_until_ms = ctx.now_ms() + LEASE_MS

        def may_grant(self, generation: int, candidate: NodeId) -> bool:
            free = self.ctx.now_ms() >= self.lent_until_ms or candidate == self.voted_for
            return free and super().may_grant(generation, candidate)

        def may_store(self, generation: int) -> bool:
            may = super().may_store(generation)
            if may:
                self.lent_until_ms = self.ctx.now_ms() + LEASE_MS
            return may

    def make_voter(self) -> Voter:
        self.lease_until_ms = 0.0
        return self.Lender(self.ctx)

    def win(self, standing: Standing) -> None:
        self.lease_until_ms = 0.0
        self.settled: dict[object, Entry] = {}
        super().win(standing)

    def check_round(self, storing: Storing) -> None:
        entry = storing.message.entry
        if self.is_quorum(storing.stored) and storing.message.generation == self.owned:
            if entry.key not in self.settled or entry.stamp > self.settled[entry.key].stamp:
                self.settled[entry.key] = entry
            self.lease_until_ms = self.ctx.now_ms() + LEASE_MS
        super().check_round(storing)

    def execute(self, task: Task) -> None:
        request = task.request
        if request.f == "read" and request.key in self.settled and self.ctx.now_ms() < self.lease_until_ms:
            self.ok(task, self.settled[request.key].value)
        else:
            super().execute(task)
