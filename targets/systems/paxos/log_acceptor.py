"""The acceptor of the Paxos log: one promise for all slots, and what it accepted in each.

"Paxos Made Moderately Complex", section 2.2: an acceptor's ballot only grows (invariant a1), and it adds a pvalue
only in its own ballot (a2). Both are on disk before they are answered.
"""

from __future__ import annotations

import msgspec

from targets.systems.journal import Journal
from targets.systems.paxos.log_messages import NO_BALLOT, Ballot, Command, Pvalue


class Adopted(msgspec.Struct, frozen=True, tag="adopted"):
    """On disk: the acceptor promised this ballot."""

    ballot: Ballot


class Voted(msgspec.Struct, frozen=True, tag="voted"):
    """On disk: the acceptor accepted this."""

    slot: int
    ballot: Ballot
    command: Command


class LogAcceptor:
    """What an acceptor remembers."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.ballot = NO_BALLOT
        self.accepted: dict[int, Pvalue] = {}

    def restore(self, record: Adopted | Voted) -> None:
        """Take up again what was written before a crash."""
        self.ballot = max(self.ballot, record.ballot)
        if isinstance(record, Voted):
            self.accepted[record.slot] = Pvalue(record.slot, record.ballot, record.command)

    def promise(self, ballot: Ballot) -> bool:
        """Phase 1b: whether the ballot is, or now becomes, the acceptor's."""
        if ballot < self.ballot:
            return False
        if ballot > self.ballot:
            self.ballot = ballot
            self.journal.write(Adopted(ballot))
        return True

    def accept(self, ballot: Ballot, slot: int, command: Command) -> bool:
        """Phase 2b: accept unless a higher ballot was promised."""
        if ballot < self.ballot:
            return False
        self.ballot = ballot
        if slot not in self.accepted or self.accepted[slot].ballot != ballot:
            self.accepted[slot] = Pvalue(slot, ballot, command)
            self.journal.write(Voted(slot, ballot, command))
        return True

    def report(self, first: int, decided: int) -> tuple[Pvalue, ...]:
        """What phase 1b reports: everything accepted from `first` on, decided (all slots below `decided` are) or not,
        for the new leader may know less than this acceptor."""
        return tuple(self.accepted[slot] for slot in sorted(self.accepted) if slot >= first)
