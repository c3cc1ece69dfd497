"""The messages of proposers and acceptors, with one instance of Paxos per key and version.

Lamport, "Paxos Made Simple" (2001), section 2.2: prepare and promise are phase 1, accept and accepted phase 2.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import msgspec

from targets.protocol.node import Message, NodeId


class Ballot(NamedTuple):
    """A proposal number. Ballots are ordered by round, and by node between equal rounds, so no two nodes share one."""

    round: int
    node: NodeId


NO_BALLOT = Ballot(0, "")
"""Smaller than every ballot that is ever used."""


class Instance(NamedTuple):
    """One run of consensus: which row becomes this version of this key?"""

    key: Any
    version: int


class Done(NamedTuple):
    """A request that was carried out, and what it returned."""

    id: str
    output: Any


class Row(msgspec.Struct, frozen=True):
    """A version of a key: the value that an instance chooses.

    `recent` holds the requests that made the last versions, newest last, so that one that was chosen is recognised
    when its proposer or its client tries again, or the network delivers it twice.
    """

    version: int = 0
    value: Any = None
    recent: tuple[Done, ...] = ()

    def done(self, id: str) -> Done | None:
        """The request, if it is among the recent ones."""
        return next((done for done in reversed(self.recent) if done.id == id), None)


NO_ROW = Row()
"""What a key holds that was never written."""


class Prepare(Message, frozen=True, tag="prepare"):
    exchange: ClassVar[tuple[str, ...]] = ("instance", "ballot")
    instance: Instance
    ballot: Ballot


class Promise(Message, frozen=True, tag="promise"):
    """No ballot below `ballot` will be accepted any more; `row` is what was accepted last, in `accepted`."""

    exchange: ClassVar[tuple[str, ...]] = ("instance", "ballot")
    instance: Instance
    ballot: Ballot
    accepted: Ballot = NO_BALLOT
    row: Row | None = None


class Accept(Message, frozen=True, tag="accept"):
    exchange: ClassVar[tuple[str, ...]] = ("instance", "ballot")
    instance: Instance
    ballot: Ballot
    row: Row


class Accepted(Message, frozen=True, tag="accepted"):
    exchange: ClassVar[tuple[str, ...]] = ("instance", "ballot")
    instance: Instance
    ballot: Ballot


class Refuse(Message, frozen=True, tag="refuse"):
    """`ballot` comes too late: a higher one was promised."""

    exchange: ClassVar[tuple[str, ...]] = ("instance", "ballot")
    instance: Instance
    ballot: Ballot
    promised: Ballot


class Chosen(Message, frozen=True, tag="chosen"):
    """This row was chosen: sent by the proposer to all, and by an acceptor to a node that still asks for that
    instance."""

    key: Any
    row: Row


MESSAGES: tuple[type[Message], ...] = (Prepare, Promise, Accept, Accepted, Refuse, Chosen)
