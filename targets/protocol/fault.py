"""Faults as values. The nemesis chooses them, and a Cluster carries them out on itself.

A new fault is a class here or beside (fault_links.py, fault_messages.py, fault_steps.py), a row in the nemesis'
catalogue, and a backend that carries it out. Everything else (the reader of scenarios, labels, spans of time, what is
undone, what the minimiser tries) is derived from its class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Literal, Self

from msgspec.structs import replace

from checker.english import counted
from targets.protocol.fault_base import KILLED, PAUSED, Condition, Evidence, Fault, on
from targets.protocol.fault_links import Cut, Degrade, Heal, Hold, Redraw, Release, ResetConnections
from targets.protocol.fault_messages import DelayMessages, DuplicateMessages, LoseMessages, MessageFault
from targets.protocol.fault_steps import ByHand, Fire, Steer
from targets.protocol.links import Link, braced
from targets.protocol.node import NodeId

__all__ = [
    "FAULT",
    "KILLED",
    "PAUSED",
    "ByHand",
    "Condition",
    "Corrupt",
    "Cut",
    "Degrade",
    "DelayMessages",
    "DiskFault",
    "DuplicateMessages",
    "Evidence",
    "Fault",
    "Fire",
    "Heal",
    "Hold",
    "Kill",
    "Link",
    "LoseMessages",
    "MessageFault",
    "Pause",
    "Reconfigure",
    "Redraw",
    "Release",
    "ResetConnections",
    "Restart",
    "Resume",
    "Skew",
    "Steer",
    "Transfer",
    "fault_types",
]

DiskFault = Literal["torn-write", "bit-flip", "fsync-error", "full"]


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


class _OfNode(Fault, frozen=True):
    """A fault of one node."""

    node: NodeId

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        return replace(self, node=nodes[self.node]) if self.node in nodes else None


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
        if self.effects is None:
            return self.label()
        return f"{self.label()} after {counted(self.effects, 'effect')}"

    def begins(self) -> frozenset[Condition]:
        return on(KILLED, self.nodes)

    def ends(self) -> frozenset[Condition]:
        """A pause, as what has ended is not paused any more; not where it comes later, if at all."""
        return on(PAUSED, self.nodes) if self.effects is None else frozenset()

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
        return on(KILLED, self.nodes)


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
