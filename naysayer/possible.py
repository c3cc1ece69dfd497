"""What can be asked of a target: the faults that have an effect there, and the operations that it has."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from checker.errors import TargetError
from nemesis import catalog
from nemesis import named as named_faults
from nemesis.catalog import LEADER
from nemesis.kind import FaultKind
from targets.backends.simulator import SimulatedCluster
from targets.protocol.target import COMMANDS, Target
from targets.registry import find as find_target

if TYPE_CHECKING:
    from targets.backends.host.probe import Probed

BY_NAME = frozenset({"clock", "depose-slow", "bit-flip"})
"""Faults that a correct program of a user's need not survive: they are injected only where they are asked for."""

SPARED = frozenset({"kill", "power", "corrupt"})
"""What a fault needs that ends a node, or spoils its disk."""


def is_spared(target: Target, fault: str) -> bool:
    """Whether a fault is left out unless it is asked for: it ends nodes, and those of this program keep no file."""
    if not target.foreign or not named_faults.find(fault).needs & SPARED:
        return False
    return not _probed(target).keeps_files


def offered(target: Target) -> frozenset[str]:
    """The operations that the target has; a program of a user's is asked."""
    return target.operations if not target.foreign else _probed(target).operations


def said_of(target: Target) -> str | None:
    """What was found out about a program of the user's, as a sentence; None of a target of ours."""
    if not target.foreign:
        return None
    found = _probed(target)
    if found.dies:
        return "its nodes die or hang before they are asked for anything"
    offers = ", ".join(sorted(found.operations)) or "nothing that a workload asks for"
    died = f"; a node died when asked for {', '.join(sorted(found.raised))}" if found.raised else ""
    return f"asked once, its nodes offer {offers}{died}; --workload asks for more"


def dies(target: Target) -> bool:
    """Whether a node of the user's program dies or hangs though no client asks for anything."""
    return target.foreign and _probed(target).dies


def _probed(target: Target) -> Probed:
    """Imported when there is a program: most runs have none."""
    from targets.backends.host.probe import probe

    return probe(target)


def possible(target: Target) -> list[FaultKind]:
    """The faults that the simulator can carry out on the target and that have an effect there."""
    faults = (SimulatedCluster.faults - COMMANDS - LEADER) | target.commands
    if _shows_roles(target.name):
        faults |= LEADER
    kinds = [kind for kind in catalog.KINDS.values() if kind.needs <= faults]
    if target.foreign:
        kinds = [kind for kind in kinds if kind.name not in BY_NAME and not is_spared(target, kind.name)]
    return kinds


@cache
def _shows_roles(name: str) -> bool:
    """Whether the views of the nodes show a role, by which a leader is known."""
    target = find_target(name)
    cluster = SimulatedCluster(target, target.nodes, seed=1)
    try:
        cluster.start()
        return any("role" in view for view in cluster.views().values())
    except TargetError:  # the run itself will report it
        return False
