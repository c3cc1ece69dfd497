"""Broken variants of the generation clock: each overrides one decision of voter, candidate or owner."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from targets.protocol.node import Context, NodeId
from targets.systems.generation.candidate import Candidate, Standing
from targets.systems.generation.clock import GenerationClock
from targets.systems.generation.messages import Campaign, Entry, Store, Vote
from targets.systems.generation.owner import Owner, Storing
from targets.systems.generation.task import Task
from targets.systems.generation.voter import Granted, Kept, Voter
from targets.systems.journal import Journal


class GenerationVolatile(GenerationClock):
    """A voter keeps the generation that it granted in memory only.

    Misconception: a vote may be kept in memory. A voter that is killed forgets which generation it granted, and grants
    it again: one generation has two owners.
    """

    class Forgetful(Voter):
        def persist(self, *records: msgspec.Struct) -> None:
            super().persist(*(record for record in records if isinstance(record, Kept)))

    def make_voter(self) -> Voter:
        return self.Forgetful(Journal(self.ctx.disk, Granted, Kept))


class ReplyBeforeDurable(GenerationClock):
    """A voter answers before its vote is on disk.

    Misconception: the write will finish. A voter that is killed between answer and write has granted a generation that
    it no longer knows: one generation has two owners.
    """

    class Eager(Voter):
        def __init__(self, journal: Journal) -> None:
            super().__init__(journal)
            self.unwritten: list[msgspec.Struct] = []

        def persist(self, *records: msgspec.Struct) -> None:
            self.unwritten += records

    def make_voter(self) -> Voter:
        return self.Eager(Journal(self.ctx.disk, Granted, Kept))

    class EagerCandidate(Candidate):
        def campaign(self) -> None:
            super().campaign()
            ReplyBeforeDurable.write_late(self.node)

    class EagerOwner(Owner):
        def send_round(self, storing: Storing) -> None:
            super().send_round(storing)
            ReplyBeforeDurable.write_late(self.node)

    candidate_type, owner_type = EagerCandidate, EagerOwner

    def on_campaign(self, sender: NodeId, message: Campaign) -> None:
        super().on_campaign(sender, message)
        self.write_late()

    def on_store(self, sender: NodeId, message: Store) -> None:
        super().on_store(sender, message)
        self.write_late()

    def write_late(self: GenerationClock) -> None:
        """Write to disk after the answer was sent."""
        voter = self.voter
        if isinstance(voter, ReplyBeforeDurable.Eager) and voter.unwritten:
            voter.journal.write(*voter.unwritten)
            voter.unwritten.clear()


class EqualWithoutVotedFor(GenerationClock):
    """A voter grants an equal generation again, and does not remember for whom it voted.

    Misconception: an equal generation comes from the same candidate. Two candidates of one generation both get a
    majority: duplicate generation.
    """

    class Repeating(Voter):
        def may_grant(self, generation: int, candidate: NodeId) -> bool:
            return generation >= self.generation

    def make_voter(self) -> Voter:
        return self.Repeating(Journal(self.ctx.disk, Granted, Kept))


class NoFencing(GenerationClock):
    """Replicas acknowledge stores of generations that have ended.

    Misconception: an old leader knows that it was replaced. An owner that was paused or partitioned does not, and
    acknowledges a write that no later read finds: lost acknowledged write.
    """

    class Open(Voter):
        def may_store(self, generation: int) -> bool:
            return True

    def make_voter(self) -> Voter:
        return self.Open(Journal(self.ctx.disk, Granted, Kept))


class LateVoteCounts(GenerationClock):
    """Every vote that arrives counts for the current campaign.

    Misconception: a vote that arrives is for the current campaign. A vote for an earlier generation makes a candidate
    the owner of one that no majority has granted: two owners at once, split brain.
    """

    class CountsAll(Candidate):
        def counts(self, vote: Vote, standing: Standing) -> bool:
            return True

    candidate_type = CountsAll


LEASE_MS = 80.0
"""How long a replica that has stored something for an owner grants no generation to another node."""


class UnboundedLease(GenerationClock):
    """An owner reads from memory until its lease ends by its own clock.

    Misconception: all clocks measure the lease alike. The owner counts from when the answers arrived; a slow clock, or
    a pause on the way, makes its lease outlast the one that the voters granted: stale read.
    """

    class LeasingVoter(Voter):
        def __init__(self, ctx: Context) -> None:
            super().__init__(Journal(ctx.disk, Granted, Kept))
            self.ctx = ctx
            self.leased_until_ms = ctx.now_ms() + LEASE_MS

        def may_grant(self, generation: int, candidate: NodeId) -> bool:
            free = self.ctx.now_ms() >= self.leased_until_ms or candidate == self.voted_for
            return free and super().may_grant(generation, candidate)

        def may_store(self, generation: int) -> bool:
            may = super().may_store(generation)
            if may:
                self.leased_until_ms = self.ctx.now_ms() + LEASE_MS
            return may

    class LeaseReader(Owner):
        def __init__(self, node: GenerationClock) -> None:
            super().__init__(node)
            self.lease_until_ms = 0.0
            self.confirmed: dict[object, Entry] = {}

        def take_over(self, generation: int, votes: Iterable[tuple[Entry, ...]]) -> None:
            self.lease_until_ms = 0.0
            self.confirmed.clear()
            super().take_over(generation, votes)

        def check_round(self, storing: Storing) -> None:
            entry = storing.message.entry
            if self.node.is_quorum(storing.stored) and storing.message.generation == self.owned:
                if entry.key not in self.confirmed or entry.stamp > self.confirmed[entry.key].stamp:
                    self.confirmed[entry.key] = entry
                self.lease_until_ms = self.node.ctx.now_ms() + LEASE_MS
            super().check_round(storing)

        def execute(self, task: Task) -> None:
            request = task.request
            has_lease = self.node.ctx.now_ms() < self.lease_until_ms
            if request.f == "read" and request.key in self.confirmed and has_lease:
                self.node.ok(task, self.confirmed[request.key].value)
            else:
                super().execute(task)

    owner_type = LeaseReader

    def make_voter(self) -> Voter:
        return self.LeasingVoter(self.ctx)
