"""Faults as values: what a cluster can be asked to do to itself. The nemesis chooses, a Cluster carries out."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from targets.protocol.node import NodeId

Link = tuple[NodeId, NodeId]
"""(from, to): one direction."""

DiskFault = Literal["torn-write", "bit-flip", "fsync-error", "full"]


class Fault(msgspec.Struct, frozen=True, tag_field="fault"):
    """Base of all faults; the tag is its name in histories, results and scenarios."""


class Kill(Fault, frozen=True, tag="kill"):
    """Ends the process of each node. What it wrote but did not sync stays unless `power` is lost with it.

    `effects`: die after that many further effects of its handlers (between any two of them), None: at once.
    `torn`: with power loss, the last un-synced write may be cut in its middle.
    """

    nodes: tuple[NodeId, ...]
    power: bool = False
    torn: bool = False
    effects: int | None = None


class Restart(Fault, frozen=True, tag="restart"):
    """Starts nodes that are down. A death by `effects` that has not come yet is called off."""

    nodes: tuple[NodeId, ...]


class Pause(Fault, frozen=True, tag="pause"):
    """Stops nodes without killing them (SIGSTOP)."""

    nodes: tuple[NodeId, ...]


class Resume(Fault, frozen=True, tag="resume"):
    nodes: tuple[NodeId, ...]


class Cut(Fault, frozen=True, tag="cut"):
    """Loses everything sent over these links, until healed. A both-ways cut names both directions."""

    links: tuple[Link, ...]
    shape: str = ""
    """For people: halves, ring, n1 isolated ..."""
    under_way: bool = False
    """Loses also what was sent before and has not arrived, as a pulled cable does (in the simulator)."""


class Degrade(Fault, frozen=True, tag="degrade"):
    """Makes links bad: extra delay (mean, ms), and the chances of loss, duplication and reordering (0..1)."""

    links: tuple[Link, ...]
    delay_ms: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0


class Hold(Fault, frozen=True, tag="hold"):
    """Keeps back the next `count` messages on a link (of one class, if named), until released."""

    link: Link
    count: int = 1
    message: str | None = None


class Release(Fault, frozen=True, tag="release"):
    """Delivers what is held back, on all links."""


class Heal(Fault, frozen=True, tag="heal"):
    """Ends every cut and degradation and releases what is held back."""


class Skew(Fault, frozen=True, tag="skew"):
    """Moves a node's clock by `offset_ms` from the true time, and lets it run at `rate` times true speed."""

    node: NodeId
    offset_ms: float = 0.0
    rate: float = 1.0


class Corrupt(Fault, frozen=True, tag="corrupt"):
    """Spoils a node's disk: a flipped bit in what is stored, or the next fsync fails, or no room is left."""

    node: NodeId
    kind: DiskFault
    undo: bool = False


class Reconfigure(Fault, frozen=True, tag="reconfigure"):
    """Asks the cluster itself (by its own client protocol) to change its membership to these nodes."""

    nodes: tuple[NodeId, ...]


class Transfer(Fault, frozen=True, tag="transfer"):
    """Asks the current leader to hand its leadership to a node."""

    to: NodeId


class Evidence(msgspec.Struct, frozen=True):
    """What shows that a fault took effect; `shown` False if nothing could be shown (then it is no coverage)."""

    fault: Any
    from_ms: float
    to_ms: float | None
    shown: bool
    detail: str
