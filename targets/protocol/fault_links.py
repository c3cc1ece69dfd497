"""Faults of the links between nodes: partitions, degraded links, messages that are held back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Self

from msgspec.structs import replace

from checker.english import counted
from targets.protocol.fault_base import BY_HAND, HELD, LINKS, Condition, Fault
from targets.protocol.links import Link, braced, described
from targets.protocol.node import NodeId

LINKS_NAMED = 6
"""If more links than these are affected, reports give only their number."""

FEW_LINKS = 4
"""Up to so many links, the minimiser tries to leave out each single one."""


class OfLinks(Fault, frozen=True):
    """A fault of some links, in force until all links are healed."""

    links: tuple[Link, ...]

    def begins(self) -> frozenset[Condition]:
        return frozenset({LINKS})

    def bad_links(self) -> frozenset[Link]:
        return frozenset(self.links)

    def undone_by(self) -> Fault | None:
        return Heal()

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        links = tuple(renamed_link(link, nodes) for link in self.links if stays(link, nodes))
        return replace(self, links=links) if links else None

    def with_clients(self, clients: Mapping[NodeId, NodeId]) -> Self:
        return replace(self, links=tuple(dict.fromkeys(renamed_link(link, clients) for link in self.links)))


def renamed_link(link: Link, places: Mapping[NodeId, NodeId]) -> Link:
    """The link with the places that have a new name under that."""
    return places.get(link[0], link[0]), places.get(link[1], link[1])


def stays(link: Link, nodes: Mapping[NodeId, NodeId]) -> bool:
    """Whether both ends are nodes that stay, or clients."""
    return all(place in nodes or not place.startswith("n") for place in link)


class Cut(OfLinks, frozen=True, tag="cut"):
    """A partition: everything sent over these links is lost, until healed. A link is one direction."""

    shape: str = ""
    """For reports: `{n1} | {n2,n3}`, `majorities-ring n1 n2 n3 n4 n5` ..."""
    under_way: bool = False
    """Messages that were sent before and have not arrived are lost too, as with a pulled cable (in the simulator)."""

    tags: ClassVar[frozenset[str]] = frozenset({"cut", "heal"})

    def label(self) -> str:
        if self.shape or len(self.links) <= LINKS_NAMED:
            return f"partition {self.shape or described(self.links)}"
        return f"partition of {len(self.links)} links"

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        cut = super().renamed(nodes)
        return None if cut is None else replace(cut, shape=described(cut.links))


class Degrade(OfLinks, frozen=True, tag="degrade"):
    """Degrades links: extra delay (mean, ms), and the probabilities of loss, duplication and reordering (0..1)."""

    delay_ms: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0

    tags: ClassVar[frozenset[str]] = frozenset({"degrade", "heal"})

    def needs(self) -> frozenset[str]:
        lose = {"lose"} if self.loss else set()
        shape = {"shape"} if self.delay_ms or self.reorder else set()
        repeat = {"repeat"} if self.duplicate else set()
        return self.tags | lose | shape | repeat

    def label(self) -> str:
        return f"{self._effects()} on {counted(len(self.links), 'link')}"

    def in_full(self) -> str:
        if len(self.links) > LINKS_NAMED:
            return self.label()
        return f"{self._effects()} on {' '.join(f'{a}→{b}' for a, b in self.links)}"

    def _effects(self) -> str:
        delay = [f"delay {self.delay_ms:g} ms"] if self.delay_ms else []
        chances = (("loss", self.loss), ("duplicate", self.duplicate), ("reorder", self.reorder))
        return ", ".join([*delay, *(f"{name} {chance:.0%}" for name, chance in chances if chance)]) or self.tag

    def milder(self) -> Iterator[Self]:
        for name in ("delay_ms", "loss", "duplicate", "reorder"):
            milder = replace(self, **{name: 0.0})
            if milder != self and (milder.delay_ms or milder.loss or milder.duplicate or milder.reorder):
                yield milder
        half = len(self.links) // 2
        for links in (self.links[:half], self.links[half:]):
            if links and half:
                yield replace(self, links=links)
        if 1 < len(self.links) <= FEW_LINKS:
            for link in self.links:
                yield replace(self, links=tuple(other for other in self.links if other != link))


class Hold(Fault, frozen=True, tag="hold"):
    """Holds back the next `count` messages on a link (of one class, if named), until released."""

    link: Link
    count: int = 1
    message: str | None = None

    tags: ClassVar[frozenset[str]] = frozenset({"hold", "release"})

    def label(self) -> str:
        what = f"{self.count} {self.message}" if self.message else counted(self.count, "message")
        return f"hold {what} on {self.link[0]}→{self.link[1]}"

    def begins(self) -> frozenset[Condition]:
        return frozenset({HELD})

    def bad_links(self) -> frozenset[Link]:
        return frozenset({self.link})

    def undone_by(self) -> Fault | None:
        return Release()

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        return replace(self, link=renamed_link(self.link, nodes)) if stays(self.link, nodes) else None

    def milder(self) -> Iterator[Self]:
        if self.count > 1:
            yield replace(self, count=1)


class Release(Fault, frozen=True, tag="release"):
    """Delivers what is held back, on all links."""

    tags: ClassVar[frozenset[str]] = frozenset({"release"})

    def ends(self) -> frozenset[Condition]:
        return frozenset({HELD})


class Heal(Fault, frozen=True, tag="heal"):
    """Ends every cut and degradation and releases what is held back; timers fire by themselves again."""

    tags: ClassVar[frozenset[str]] = frozenset({"heal"})

    def ends(self) -> frozenset[Condition]:
        return frozenset({LINKS, HELD, BY_HAND})


class ResetConnections(OfLinks, frozen=True, tag="connection-reset"):
    """Ends the TCP connections over these links, at both ends; what is under way on them is lost. New ones may be
    opened at once."""

    tags: ClassVar[frozenset[str]] = frozenset({"connection-reset"})
    momentary: ClassVar[bool] = True

    def label(self) -> str:
        return f"reset connections between {braced({node for link in self.links for node in link})}"

    def begins(self) -> frozenset[Condition]:
        return frozenset()

    def bad_links(self) -> frozenset[Link]:
        return frozenset()

    def undone_by(self) -> Fault | None:
        return None


class Redraw(Fault, frozen=True, tag="redraw"):
    """From now on all random numbers of a simulated run, also those of clients and the nemesis, are drawn under another
    key.

    It is no fault of the system: two runs that differ in it alone are the same up to then, and differ after it. So a
    run is continued from a state in other ways.
    """

    salt: int

    tags: ClassVar[frozenset[str]] = frozenset({"redraw"})

    def label(self) -> str:
        return f"draw other random numbers ({self.salt})"
