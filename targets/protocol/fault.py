"""Faults as values: what a cluster can be asked to do to itself. The nemesis chooses, a Cluster carries out.

A new fault is a class here, a row in the nemesis' catalogue, and a backend that carries it out. Everything else (the
reader of scenarios, labels, spans of time, what is undone, what the minimiser tries) is derived from its class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Literal, Self

from msgspec.structs import replace

from targets.protocol.fault_base import HELD, KILLED, LINKS, PAUSED, Condition, Evidence, Fault, on
from targets.protocol.links import Link, words
from targets.protocol.node import NodeId

__all__ = [
    "FAULT",
    "KILLED",
    "PAUSED",
    "Condition",
    "Corrupt",
    "Cut",
    "Degrade",
    "DiskFault",
    "Evidence",
    "Fault",
    "Heal",
    "Hold",
    "Kill",
    "Link",
    "Pause",
    "Reconfigure",
    "Release",
    "Restart",
    "Resume",
    "Skew",
    "Transfer",
    "fault_types",
]

DiskFault = Literal["torn-write", "bit-flip", "fsync-error", "full"]

LINKS_NAMED = 6
"""More bad links than these are only counted."""

FEW_LINKS = 4
"""Of so few bad links each single one is left out in turn to make the fault milder."""


class _OfNodes(Fault, frozen=True):
    """A fault that hits each of some nodes."""

    nodes: tuple[NodeId, ...]

    def label(self) -> str:
        return f"{self.tag} {' '.join(self.nodes)}"

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        stay = tuple(sorted(nodes[node] for node in self.nodes if node in nodes))
        return replace(self, nodes=stay) if stay else None

    def milder(self) -> Iterator[Self]:
        if len(self.nodes) > 1:
            for node in self.nodes:
                yield replace(self, nodes=tuple(other for other in self.nodes if other != node))


class _OfLinks(Fault, frozen=True):
    """A fault that lasts on some links until all are healed."""

    links: tuple[Link, ...]

    def begins(self) -> frozenset[Condition]:
        return frozenset({LINKS})

    def bad_links(self) -> frozenset[Link]:
        return frozenset(self.links)

    def undone_by(self) -> Fault | None:
        return Heal()

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        links = tuple(_renamed(link, nodes) for link in self.links if _stays(link, nodes))
        return replace(self, links=links) if links else None

    def with_clients(self, clients: Mapping[NodeId, NodeId]) -> Self:
        return replace(self, links=tuple(dict.fromkeys(_renamed(link, clients) for link in self.links)))


class _OfNode(Fault, frozen=True):
    """A fault of one node."""

    node: NodeId

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        return replace(self, node=nodes[self.node]) if self.node in nodes else None


def _renamed(link: Link, places: Mapping[NodeId, NodeId]) -> Link:
    return places.get(link[0], link[0]), places.get(link[1], link[1])


def _stays(link: Link, nodes: Mapping[NodeId, NodeId]) -> bool:
    """Whether both ends are nodes that stay, or clients."""
    return all(place in nodes or not place.startswith("n") for place in link)


class Kill(_OfNodes, frozen=True, tag="kill"):
    """Ends the process of each node. What it wrote but did not sync stays unless `power` is lost with it.

    `effects`: die after that many further effects of its handlers (between any two of them), None: at once.
    `torn`: with power loss, the last un-synced write may be cut in its middle.
    """

    power: bool = False
    torn: bool = False
    effects: int | None = None

    tags: ClassVar[frozenset[str]] = frozenset({"kill", "restart"})

    def needs(self) -> frozenset[str]:
        return self.tags | ({"power"} if self.power or self.torn or self.effects is not None else set())

    def label(self) -> str:
        return f"{'power off' if self.power else 'kill'} {' '.join(self.nodes)}"

    def in_full(self) -> str:
        return self.label() if self.effects is None else f"{self.label()} after {self.effects} effects"

    def begins(self) -> frozenset[Condition]:
        return on(KILLED, self.nodes)

    def undone_by(self) -> Fault | None:
        return Restart(self.nodes)

    def milder(self) -> Iterator[Self]:
        yield from super().milder()
        if self.effects is not None:
            yield replace(self, effects=None)
        if self.torn:
            yield replace(self, torn=False)
        if self.power or self.torn:
            yield replace(self, power=False, torn=False)


class Restart(_OfNodes, frozen=True, tag="restart"):
    """Starts nodes that are down. A death by `effects` that has not come yet is called off."""

    tags: ClassVar[frozenset[str]] = frozenset({"restart"})

    def ends(self) -> frozenset[Condition]:
        return on(KILLED, self.nodes) | on(PAUSED, self.nodes)


class Pause(_OfNodes, frozen=True, tag="pause"):
    """Stops nodes without killing them (SIGSTOP)."""

    tags: ClassVar[frozenset[str]] = frozenset({"pause", "resume"})

    def begins(self) -> frozenset[Condition]:
        return on(PAUSED, self.nodes)

    def undone_by(self) -> Fault | None:
        return Resume(self.nodes)


class Resume(_OfNodes, frozen=True, tag="resume"):
    """Lets paused nodes go on."""

    tags: ClassVar[frozenset[str]] = frozenset({"resume"})

    def ends(self) -> frozenset[Condition]:
        return on(PAUSED, self.nodes)


class Cut(_OfLinks, frozen=True, tag="cut"):
    """Loses everything sent over these links, until healed. A both-ways cut names both directions."""

    shape: str = ""
    """For people: halves, ring, n1 isolated ..."""
    under_way: bool = False
    """Loses also what was sent before and has not arrived, as a pulled cable does (in the simulator)."""

    tags: ClassVar[frozenset[str]] = frozenset({"cut", "heal"})

    def label(self) -> str:
        return f"cut {self.shape}" if self.shape else f"cut {len(self.links)} links"

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        cut = super().renamed(nodes)
        return None if cut is None else replace(cut, shape=words(cut.links))


class Degrade(_OfLinks, frozen=True, tag="degrade"):
    """Makes links bad: extra delay (mean, ms), and the chances of loss, duplication and reordering (0..1)."""

    delay_ms: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0

    tags: ClassVar[frozenset[str]] = frozenset({"degrade", "heal"})

    def needs(self) -> frozenset[str]:
        lose = {"lose"} if self.loss else set()
        shape = {"shape"} if self.delay_ms or self.duplicate or self.reorder else set()
        return self.tags | lose | shape

    def label(self) -> str:
        return f"{self._troubles()} on {len(self.links)} links"

    def in_full(self) -> str:
        if len(self.links) > LINKS_NAMED:
            return self.label()
        return f"{self._troubles()} on {' '.join(f'{a}→{b}' for a, b in self.links)}"

    def _troubles(self) -> str:
        named = (
            ("delay", self.delay_ms),
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
        )
        return " ".join(f"{name} {value:g}" for name, value in named if value) or self.tag

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
    """Keeps back the next `count` messages on a link (of one class, if named), until released."""

    link: Link
    count: int = 1
    message: str | None = None

    tags: ClassVar[frozenset[str]] = frozenset({"hold", "release"})

    def label(self) -> str:
        return f"hold {self.count} of {self.link[0]}→{self.link[1]}"

    def begins(self) -> frozenset[Condition]:
        return frozenset({HELD})

    def bad_links(self) -> frozenset[Link]:
        return frozenset({self.link})

    def undone_by(self) -> Fault | None:
        return Release()

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        return replace(self, link=_renamed(self.link, nodes)) if _stays(self.link, nodes) else None

    def milder(self) -> Iterator[Self]:
        if self.count > 1:
            yield replace(self, count=1)


class Release(Fault, frozen=True, tag="release"):
    """Delivers what is held back, on all links."""

    tags: ClassVar[frozenset[str]] = frozenset({"release"})

    def ends(self) -> frozenset[Condition]:
        return frozenset({HELD})


class Heal(Fault, frozen=True, tag="heal"):
    """Ends every cut and degradation and releases what is held back."""

    tags: ClassVar[frozenset[str]] = frozenset({"heal"})

    def ends(self) -> frozenset[Condition]:
        return frozenset({LINKS, HELD})


class Skew(_OfNode, frozen=True, tag="skew"):
    """Moves a node's clock by `offset_ms` from the true time, and lets it run at `rate` times true speed."""

    offset_ms: float = 0.0
    rate: float = 1.0

    tags: ClassVar[frozenset[str]] = frozenset({"skew"})

    def label(self) -> str:
        return f"clock of {self.node} {self.offset_ms:+.0f} ms ×{self.rate:g}"

    def begins(self) -> frozenset[Condition]:
        return frozenset() if self == Skew(self.node) else on("clock", (self.node,))

    def ends(self) -> frozenset[Condition]:
        return on("clock", (self.node,))

    def undone_by(self) -> Fault | None:
        return Skew(self.node)


class Corrupt(_OfNode, frozen=True, tag="corrupt"):
    """Spoils a node's disk: a flipped bit in what is stored, or the next fsync fails, or no room is left."""

    kind: DiskFault
    undo: bool = False

    tags: ClassVar[frozenset[str]] = frozenset({"corrupt", "restart"})
    """A node whose write failed has stopped, and is started again."""
    momentary: ClassVar[bool] = True

    def label(self) -> str:
        return f"{self.kind} on {self.node}"

    def begins(self) -> frozenset[Condition]:
        return frozenset() if self.undo else on(self.kind, (self.node,))

    def ends(self) -> frozenset[Condition]:
        return on(self.kind, (self.node,)) if self.undo else frozenset()

    def undone_by(self) -> Fault | None:
        stays = self.kind in ("full", "fsync-error") and not self.undo
        return Corrupt(self.node, self.kind, undo=True) if stays else None

    def damages(self) -> frozenset[NodeId]:
        return frozenset({self.node} if self.kind == "bit-flip" else ())


class Reconfigure(_OfNodes, frozen=True, tag="reconfigure"):
    """Asks the cluster itself (by its own client protocol) to change its membership to these nodes."""

    tags: ClassVar[frozenset[str]] = frozenset({"reconfigure"})

    def label(self) -> str:
        return f"members {' '.join(self.nodes)}"

    def milder(self) -> Iterator[Self]:
        return iter(())  # fewer members are others, and no less of a change

    def members(self) -> tuple[NodeId, ...] | None:
        return self.nodes


class Transfer(Fault, frozen=True, tag="transfer"):
    """Asks the current leader to hand its leadership to a node."""

    to: NodeId

    tags: ClassVar[frozenset[str]] = frozenset({"transfer"})

    def label(self) -> str:
        return f"lead to {self.to}"

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        return replace(self, to=nodes[self.to]) if self.to in nodes else None


def fault_types() -> tuple[type[Fault], ...]:
    """Every class of faults that can be carried out; what only gathers what some have in common is left out."""
    found: list[type[Fault]] = []
    following: list[type[Fault]] = [Fault]
    while following:
        kind = following.pop(0)
        derived = kind.__subclasses__()
        following += derived
        found += [] if derived else [kind]
    return tuple(found)


FAULT: Any = reduce(or_, fault_types())
"""The union of all faults, for what reads them: each is told by its tag."""
