"""The acceptor: two promises kept, both on disk before they are spoken.

"Paxos Made Simple", section 2.2:
P1a. An acceptor can accept a proposal numbered n iff it has not responded to a prepare request having a number
greater than n. Section 2.5: "Stable storage, preserved during failures, is used to maintain the information that the
acceptor must remember. An acceptor records its intended response in stable storage before actually sending it."
"""

from __future__ import annotations

import msgspec

from targets.systems.journal import Journal
from targets.systems.paxos.messages import NO_BALLOT, Accept, Accepted, Ballot, Instance, Prepare, Promise, Refuse, Row


class Promised(msgspec.Struct, frozen=True, tag="promised"):
    """On disk: the acceptor promised this ballot."""

    instance: Instance
    ballot: Ballot


class Vote(msgspec.Struct, frozen=True, tag="vote"):
    """On disk: the acceptor accepted this row in this ballot."""

    instance: Instance
    ballot: Ballot
    row: Row


class Slot:
    """What an acceptor remembers of one instance."""

    __slots__ = ("accepted", "promised", "row")

    def __init__(self) -> None:
        self.promised = NO_BALLOT
        self.accepted = NO_BALLOT
        self.row: Row | None = None


class Acceptor:
    """All acceptors of one node, one per instance that is not yet known to be chosen."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.slots: dict[Instance, Slot] = {}

    def slot(self, instance: Instance) -> Slot:
        if instance not in self.slots:
            self.slots[instance] = Slot()
        return self.slots[instance]

    def restore(self, record: Promised | Vote) -> None:
        """Take up again what was written before a crash."""
        slot = self.slot(record.instance)
        slot.promised = max(slot.promised, record.ballot)
        if isinstance(record, Vote):
            slot.accepted, slot.row = record.ballot, record.row

    def forget(self, instance: Instance) -> None:
        """The instance is over: its row is known to be chosen."""
        self.slots.pop(instance, None)

    def prepare(self, message: Prepare) -> Promise | Refuse:
        """Phase 1b: promise the ballot and report what was accepted before, or refuse."""
        slot = self.slot(message.instance)
        if not self.may_promise(message.ballot, slot):
            return Refuse(message.instance, message.ballot, slot.promised)
        if message.ballot > slot.promised:
            slot.promised = message.ballot
            self.persist_promise(Promised(message.instance, message.ballot))
        return Promise(message.instance, message.ballot, slot.accepted, slot.row)

    def accept(self, message: Accept) -> Accepted | Refuse:
        """Phase 2b: accept unless a higher ballot was promised."""
        slot = self.slot(message.instance)
        if not self.may_accept(message.ballot, slot):
            return Refuse(message.instance, message.ballot, slot.promised)
        slot.promised = max(slot.promised, message.ballot)
        slot.accepted, slot.row = message.ballot, message.row
        self.persist_vote(Vote(message.instance, message.ballot, message.row))
        return Accepted(message.instance, message.ballot)

    def may_promise(self, ballot: Ballot, slot: Slot) -> bool:
        """An equal ballot is the same proposer's own prepare once more, as no two proposers share a ballot."""
        return ballot >= slot.promised

    def may_accept(self, ballot: Ballot, slot: Slot) -> bool:
        """P1a."""
        return ballot >= slot.promised

    def persist_promise(self, record: Promised) -> None:
        self.journal.write(record)

    def persist_vote(self, record: Vote) -> None:
        self.journal.write(record)
