"""The messages of the Paxos log.

van Renesse and Altinbuken, "Paxos Made Moderately Complex" (2015): p1a and p1b, p2a and p2b, preempted, decision and
propose; the heartbeat keeps the leader in office and carries how far the log is decided. Its reply and the pre-scout
are Raft's CheckQuorum and pre-vote (Ongaro's dissertation, sections 6.2 and 9.6) in terms of ballots.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import msgspec

from targets.protocol.node import Message, Request
from targets.systems.paxos.messages import NO_BALLOT, Ballot

__all__ = ["LOG_MESSAGES", "NO_BALLOT", "Ballot", "Command", "Pvalue"]


class Command(msgspec.Struct, frozen=True):
    """What a slot of the log holds: a client's request, or None: a no-op that fills a hole."""

    request: Request | None = None


NO_OP = Command()


class Pvalue(NamedTuple):
    """A command accepted for a slot in a ballot."""

    slot: int
    ballot: Ballot
    command: Command


class P1a(Message, frozen=True, tag="p1a"):
    """Phase 1 for all slots from `first` on: promise this ballot."""

    ballot: Ballot
    first: int


class P1b(Message, frozen=True, tag="p1b"):
    """Promised; `accepted` is all that the acceptor has accepted from that slot on."""

    ballot: Ballot
    accepted: tuple[Pvalue, ...]


class P2a(Message, frozen=True, tag="p2a"):
    """Phase 2 for one slot: accept this command."""

    exchange: ClassVar[tuple[str, ...]] = ("ballot", "slot")
    ballot: Ballot
    slot: int
    command: Command


class P2b(Message, frozen=True, tag="p2b"):
    exchange: ClassVar[tuple[str, ...]] = ("ballot", "slot")
    ballot: Ballot
    slot: int


class Preempted(Message, frozen=True, tag="preempted"):
    """A higher ballot was promised: the sender of the lower one is no longer leader."""

    promised: Ballot


class Decision(Message, frozen=True, tag="decision"):
    slot: int
    command: Command


class Heartbeat(Message, frozen=True, tag="heartbeat"):
    """The leader is there, and all slots below `decided` are decided."""

    ballot: Ballot
    decided: int


class HeartbeatReply(Message, frozen=True, tag="heartbeat_reply"):
    """The leader of this ballot is followed."""

    ballot: Ballot


class PreScout(Message, frozen=True, tag="pre_scout"):
    """Would you promise this ballot? Asked before phase 1, which deposes the leader there is."""

    ballot: Ballot


class PreScoutReply(Message, frozen=True, tag="pre_scout_reply"):
    """Yes: no message of a leader arrived within the shortest election timeout."""

    ballot: Ballot


class Missing(Message, frozen=True, tag="missing"):
    """Which commands were decided from slot `first` on?"""

    first: int


class Propose(Message, frozen=True, tag="propose"):
    """A request for the leader, from the node that the client is talking to."""

    request: Request


LOG_MESSAGES: tuple[type[Message], ...] = (
    P1a,
    P1b,
    P2a,
    P2b,
    Preempted,
    Decision,
    Heartbeat,
    HeartbeatReply,
    PreScout,
    PreScoutReply,
    Missing,
    Propose,
)
