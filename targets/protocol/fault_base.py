"""The base class of faults: everything that the rest of the program needs to know about a fault stands in its class.

The faults themselves are in fault.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from targets.protocol.links import Link
from targets.protocol.node import NodeId


class Condition(NamedTuple):
    """A state that one fault begins and another ends: what, and on which node ("" for the whole network)."""

    what: str
    where: NodeId = ""


LINKS, HELD = Condition("links"), Condition("held")
"""Some links are cut or degraded; messages are held back."""

BY_HAND = Condition("by hand")
"""Nothing arrives and no timer fires by itself."""

KILLED, PAUSED = "kill", "pause"
"""Values of `Condition.what`: the node's process is dead, or stopped."""


class Fault(msgspec.Struct, frozen=True, tag_field="fault"):
    """Base of all faults, with the defaults.

    A class whose faults also end faults of the same class has a field `undo`, by which readers of histories know those.
    """

    tags: ClassVar[frozenset[str]] = frozenset()
    """What a backend must be able to carry out for this fault and for what ends it, as in `Cluster.faults`."""
    momentary: ClassVar[bool] = False
    """It has no duration: reports show no span of time for it, and each one is undone separately."""

    @property
    def tag(self) -> str:
        """Its name in histories, results and scenarios."""
        return str(self.__struct_config__.tag)

    def needs(self) -> frozenset[str]:
        """What this fault needs of a backend: `tags`, and more for some of its options."""
        return self.tags

    def label(self) -> str:
        """The fault in a few words, for reports."""
        return self.tag

    def in_full(self) -> str:
        """The same with all details that tell one injection from another."""
        return self.label()

    def begins(self) -> frozenset[Condition]:
        """What is in force from now on."""
        return frozenset()

    def ends(self) -> frozenset[Condition]:
        """What is no longer in force; where `begins` names it too, this fault takes the place of an earlier one."""
        return frozenset()

    @property
    def only_ends(self) -> bool:
        """Whether it only ends other faults: a heal, a restart, a clock set right. It is then not counted as one."""
        return bool(self.ends()) and not self.begins()

    def undone_by(self) -> Fault | None:
        """What ends this fault; None if nothing does."""
        return None

    def renamed(self, nodes: Mapping[NodeId, NodeId]) -> Self | None:
        """The fault with the nodes that are kept, by their new names; None if it affected others only."""
        return self

    def with_clients(self, clients: Mapping[NodeId, NodeId]) -> Self:
        """The fault with other names for clients."""
        return self

    def milder(self) -> Iterator[Self]:
        """Simpler or weaker versions of the fault, the simplest first, for the minimiser."""
        return iter(())

    def bad_links(self) -> frozenset[Link]:
        """The links on which messages are lost or late, for as long as what `begins` names is in force."""
        return frozenset()

    def damages(self) -> frozenset[NodeId]:
        """The nodes that may never run again, whatever is undone."""
        return frozenset()

    def members(self) -> tuple[NodeId, ...] | None:
        """The nodes that may be the cluster's only members after this; None if it leaves them as they are."""
        return None


def on(what: str, nodes: tuple[NodeId, ...]) -> frozenset[Condition]:
    """A condition of each node."""
    return frozenset(Condition(what, node) for node in nodes)


class Evidence(msgspec.Struct, frozen=True):
    """What a fault did. `shown` False: it had no observable effect, and is not counted as coverage."""

    fault: Any
    from_ms: float
    to_ms: float | None
    shown: bool
    detail: str
