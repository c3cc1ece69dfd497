"""Faults that a person chooses at a moment of a simulated run: each names one message, or one timer of a node.

A hunt does not draw them; the explorer does, and scenarios hold them. They are addressed by what stays the same when a
run is repeated, never by time: a message by its link and its number on that link.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from msgspec.structs import replace

from targets.protocol.fault_base import BY_HAND, HELD, Condition, Fault
from targets.protocol.fault_links import Heal, Release, renamed_link, stays
from targets.protocol.links import Link
from targets.protocol.node import NodeId

Steering = Literal["deliver", "drop", "hold", "duplicate"]


class Steer(Fault, frozen=True, tag="steer"):
    """Does something to one message that is under way or held back: the `number`-th, from 1, that was sent on `link`.

    deliver: it arrives now. drop: it never arrives. hold: it is held back until released. duplicate: a copy arrives
    now, and the message itself as it would have.
    """

    do: Steering
    link: Link
    number: int

    tags: ClassVar[frozenset[str]] = frozenset({"steer", "release"})

    def label(self) -> str:
        return f"{self.do} message {self.number} on {self.link[0]}→{self.link[1]}"

    def begins(self) -> frozenset[Condition]:
        return frozenset({HELD}) if self.do == "hold" else frozenset()

    def bad_links(self) -> frozenset[Link]:
        return frozenset({self.link} if self.do == "hold" else ())

    def undone_by(self) -> Fault | None:
        return Release() if self.do == "hold" else None

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        return replace(self, link=renamed_link(self.link, nodes)) if stays(self.link, nodes) else None

    def with_clients(self, clients: Mapping[NodeId, NodeId]) -> Self:
        return replace(self, link=renamed_link(self.link, clients))


class Fire(Fault, frozen=True, tag="fire"):
    """Fires a timer of a node now, if it is set: before its time, as on a clock that runs fast."""

    node: NodeId
    timer: str
    """As text: str() of what the node calls it."""

    tags: ClassVar[frozenset[str]] = frozenset({"fire"})

    def label(self) -> str:
        return f"fire timer {self.timer} of {self.node}"

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        return replace(self, node=nodes[self.node]) if self.node in nodes else None


class ByHand(Fault, frozen=True, tag="by-hand"):
    """From now on a message between nodes, also one that is under way, arrives only when it is delivered (Steer), and a
    timer fires only when it is fired (Fire), until a Heal. Requests, replies and syncs go on by themselves."""

    tags: ClassVar[frozenset[str]] = frozenset({"by-hand", "heal"})

    def label(self) -> str:
        return "messages and timers by hand"

    def begins(self) -> frozenset[Condition]:
        return frozenset({BY_HAND})

    def undone_by(self) -> Fault | None:
        return Heal()
