"""The replica's side of the generation clock: votes and stored entries, on disk before they are answered.

Joshi, "Patterns of Distributed Systems" (2023), Generation Clock: a number that grows with every election, is stored
by every replica, and is sent with every request; a replica refuses requests of a generation older than it knows, so
an owner that was deposed without noticing can change nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from targets.protocol.node import NodeId
from targets.systems.generation.messages import Entry
from targets.systems.journal import Journal


class Granted(msgspec.Struct, frozen=True, tag="granted"):
    """On disk: the generation was given to this candidate (None: it was learned from its owner's store)."""

    generation: int
    candidate: NodeId | None


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """On disk: the entry was stored."""

    entry: Entry


class Voter:
    """What a replica remembers: the newest generation, to whom it gave it, and the newest entry of each key."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.generation = 0
        self.voted_for: NodeId | None = None
        self.entries: dict[Any, Entry] = {}

    def restore(self, record: Granted | Kept) -> None:
        """Take up again what was written before a crash."""
        if isinstance(record, Granted):
            self.generation, self.voted_for = record.generation, record.candidate
        else:
            self.entries[record.entry.key] = record.entry

    def grant(self, generation: int, candidate: NodeId) -> bool:
        """Vote for the candidate, or refuse."""
        if not self.may_grant(generation, candidate):
            return False
        if (generation, candidate) != (self.generation, self.voted_for):
            self.generation, self.voted_for = generation, candidate
            self.persist(Granted(generation, candidate))
        return True

    def may_grant(self, generation: int, candidate: NodeId) -> bool:
        """One vote per generation: an equal generation is granted only to the candidate that has it already."""
        # two majorities share a voter, which votes once: so a generation has one owner, ever
        return generation > self.generation or (generation == self.generation and candidate == self.voted_for)

    def store(self, generation: int, entry: Entry) -> bool:
        """Keep the entry if its owner's generation is not over."""
        if not self.may_store(generation):
            return False
        records: list[msgspec.Struct] = []
        if generation > self.generation:
            self.generation, self.voted_for = generation, None
            records.append(Granted(generation, None))
        held = self.entries.get(entry.key)
        if held is None or entry.stamp > held.stamp:
            self.entries[entry.key] = entry
            records.append(Kept(entry))
        if records:
            self.persist(*records)
        return True

    def may_store(self, generation: int) -> bool:
        """The fence. "An acceptor can accept a proposal numbered n iff it has not responded to a prepare request having
        a number greater than n" (P1a of Paxos)."""
        return generation >= self.generation

    def persist(self, *records: msgspec.Struct) -> None:
        """Everything a replica answers with is durable before it answers."""
        self.journal.write(*records)
