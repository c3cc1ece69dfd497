"""The messages of candidates, owners and replicas of the generation clock."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from targets.protocol.node import Message, Request


class Entry(msgspec.Struct, frozen=True):
    """The value of a key, stamped with the generation that stored it and its number within that generation."""

    key: Any
    generation: int
    number: int
    value: Any
    recent: tuple[str, ...] = ()
    """The last writes of the key, so that one that comes a second time is not carried out a second time."""
    writes: int = 0
    """How many writes of the key led to this value."""

    @property
    def stamp(self) -> tuple[int, int]:
        return (self.generation, self.number)


class Campaign(Message, frozen=True, tag="campaign"):
    """The sender asks to own this generation."""

    generation: int


class Vote(Message, frozen=True, tag="vote"):
    """The generation is the candidate's; `entries` are all that the voter has stored."""

    generation: int
    entries: tuple[Entry, ...]


class Refusal(Message, frozen=True, tag="refusal"):
    """A campaign came too late: the voter knows a generation at least as new."""

    generation: int
    newest: int


class Store(Message, frozen=True, tag="store"):
    """The owner of the generation stores an entry; `round` is the number of the store."""

    exchange: ClassVar[tuple[str, ...]] = ("generation", "round")
    generation: int
    round: int
    entry: Entry


class Stored(Message, frozen=True, tag="stored"):
    exchange: ClassVar[tuple[str, ...]] = ("generation", "round")
    generation: int
    round: int


class Fenced(Message, frozen=True, tag="fenced"):
    """A store was refused: its generation is over."""

    exchange: ClassVar[tuple[str, ...]] = ("generation", "round")
    generation: int
    round: int
    newest: int


class Forward(Message, frozen=True, tag="forward"):
    """A request for the owner, from the node that the client is talking to."""

    request: Request


class Forwarded(Message, frozen=True, tag="forwarded"):
    """The owner's answer to a forwarded request; `again`: it owns nothing any more, and has not finished it."""

    request: Request
    status: Literal["ok", "info", "again"]
    output: Any = None
    error: str = ""


MESSAGES: tuple[type[Message], ...] = (Campaign, Vote, Refusal, Store, Stored, Fenced, Forward, Forwarded)
