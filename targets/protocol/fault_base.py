"""What a fault is to the rest of the program: everything that it needs to know of one stands in the class of the fault.

This is what all faults have in common; fault.py has the faults themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from targets.protocol.links import Link
from targets.protocol.node import NodeId


class Condition(NamedTuple):
    """Something that a fault puts in force and another ends: what, and on which node ("" for the whole network)."""

    what: str
    where: NodeId = ""


LINKS, HELD = Condition("links"), Condition("held")
"""Some links are cut or degraded; messages are held back."""

KILLED, PAUSED = "kill", "pause"
"""Of a Condition: the node's process is not there, or does not run."""


class Fault(msgspec.Struct, frozen=True, tag_field="fault"):
    """Base of all faults. What is said of a fault here is true unless its class says otherwise.

    A class whose faults also end faults of the same class has a field `undo`: by that readers of histories know those.
    """

    tags: ClassVar[frozenset[str]] = frozenset()
    """What a backend must be able to carry out for this fault and for what ends it, as in `Cluster.faults`."""
    momentary: ClassVar[bool] = False
    """It happens at a moment: reports draw no span of time for it, and each one is undone for itself."""

    @property
    def tag(self) -> str:
        """Its name in histories, results and scenarios."""
        return str(self.__struct_config__.tag)

    def needs(self) -> frozenset[str]:
        """What this very fault needs of a backend: `tags`, and more where one of its options asks for it."""
        return self.tags

    def label(self) -> str:
        """The fault in a few words, for people."""
        return self.tag

    def in_full(self) -> str:
        """The same with all that matters when one wants to know exactly what happened."""
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
        """The fault among the nodes that stay, by their new names; None if it was about others only."""
        return self

    def with_clients(self, clients: Mapping[NodeId, NodeId]) -> Self:
        """The fault when clients have other names."""
        return self

    def milder(self) -> Iterator[Self]:
        """What is a little less of the same fault, the simplest first."""
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
    """What shows that a fault took effect; `shown` False if nothing could be shown (then it is no coverage)."""

    fault: Any
    from_ms: float
    to_ms: float | None
    shown: bool
    detail: str
