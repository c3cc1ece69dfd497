"""Faults as values. The nemesis chooses them, and a Cluster carries them out on itself.

A new fault is a class here, a row in the nemesis' catalogue, and a backend that carries it out. Everything else (the
reader of scenarios, labels, spans of time, what is undone, what the minimiser tries) is derived from its class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Literal, Self

from msgspec.structs import replace

from targets.protocol.fault_base import HELD, KILLED, LINKS, PAUSED, Condition, Evidence, Fault, on
from targets.protocol.links import Link, braced, described
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
"""If more links than these are affected, reports give only their number."""

FEW_LINKS = 4
"""Up to so many links, the minimiser tries to leave out each single one."""


class _OfNodes(Fault, frozen=True):
    """A fault of some nodes, each of them."""

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
    """A fault of some links, in force until all links are healed."""

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


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _renamed(link: Link, places: Mapping[NodeId, NodeId]) -> Link:
    return places.get(link[0], link[0]), places.get(link[1], link[1])


def _stays(link: Link, nodes: Mapping[NodeId, NodeId]) -> bool:
    """Whether both ends are nodes that stay, or clients."""
    return all(place in nodes or not place.startswith("n") for place in link)


class Kill(_OfNodes, frozen=True, tag="kill"):
    """Ends the process of each node. What it wrote but did not sync stays unless `power` is lost with it.

    `effects`: die after that many further effects of its handlers (between any two of them), None: at once.
    `torn`: with power loss, the last unsynced write may be cut in its middle.
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
        return self.label() if self.effects is None else f"{self.label()} after {_count(range(self.effects), 'effect')}"

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
    """Starts nodes that are down. A kill after `effects` that has not happened yet is cancelled."""

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
    """Resumes paused nodes."""

    tags: ClassVar[frozenset[str]] = frozenset({"resume"})

    def ends(self) -> frozenset[Condition]:
        return on(PAUSED, self.nodes)


class Cut(_OfLinks, frozen=True, tag="cut"):
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


class Degrade(_OfLinks, frozen=True, tag="degrade"):
    """Degrades links: extra delay (mean, ms), and the probabilities of loss, duplication and reordering (0..1)."""

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
        return f"{self._effects()} on {_count(self.links, 'link')}"

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
        what = f"{self.count} {self.message}" if self.message else _count(range(self.count), "message")
        return f"hold {what} on {self.link[0]}→{self.link[1]}"

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
        if self == Skew(self.node):
            return f"reset clock of {self.node}"
        return f"skew clock of {self.node} by {self.offset_ms:+.0f} ms, rate {self.rate:g}"

    def begins(self) -> frozenset[Condition]:
        return frozenset() if self == Skew(self.node) else on("clock", (self.node,))

    def ends(self) -> frozenset[Condition]:
        return on("clock", (self.node,))

    def undone_by(self) -> Fault | None:
        return Skew(self.node)


class Corrupt(_OfNode, frozen=True, tag="corrupt"):
    """A disk fault of a node: a stored bit is flipped, or the next fsync fails, or the disk is full."""

    kind: DiskFault
    undo: bool = False

    tags: ClassVar[frozenset[str]] = frozenset({"corrupt", "restart"})
    """A node whose write failed has stopped, so it must be started again."""
    momentary: ClassVar[bool] = True

    def label(self) -> str:
        what = "disk full" if self.kind == "full" else self.kind
        return f"{'end ' if self.undo else ''}{what} on {self.node}"

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
        return f"change members to {braced(self.nodes)}"

    def milder(self) -> Iterator[Self]:
        return iter(())  # fewer members are a different change, not a milder one

    def members(self) -> tuple[NodeId, ...] | None:
        return self.nodes


class Transfer(Fault, frozen=True, tag="transfer"):
    """Asks the current leader to transfer its leadership to a node."""

    to: NodeId

    tags: ClassVar[frozenset[str]] = frozenset({"transfer"})

    def label(self) -> str:
        return f"transfer leadership to {self.to}"

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        return replace(self, to=nodes[self.to]) if self.to in nodes else None


def fault_types() -> tuple[type[Fault], ...]:
    """Every class of faults that can be carried out: those without subclasses."""
    found: list[type[Fault]] = []
    following: list[type[Fault]] = [Fault]
    while following:
        kind = following.pop(0)
        derived = kind.__subclasses__()
        following += derived
        found += [] if derived else [kind]
    return tuple(found)


FAULT: Any = reduce(or_, fault_types())
"""The union of all faults, for decoders: the tag says which one it is."""
