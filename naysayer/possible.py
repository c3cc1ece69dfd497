"""The faults that the simulator can inject into a target with an effect."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from checker.errors import TargetError
from nemesis import catalog
from nemesis.catalog import LEADER, FaultKind
from targets.backends.simulator import SimulatedCluster
from targets.protocol.target import COMMANDS, Target
from targets.registry import find as find_target

BY_NAME = frozenset({"clock", "bit-flip"})
"""Faults that a correct program of a user's need not survive: they are injected only where they are asked for."""

SPARED = frozenset({"kill", "power", "corrupt"})
"""What a fault needs that ends a node, or spoils its disk."""


def is_spared(target: Target, fault: str) -> bool:
    """Whether a fault is left out unless it is asked for: it ends nodes, and those of this program keep no file."""
    if not target.foreign or not catalog.find(fault).needs & SPARED:
        return False
    return not import_module("targets.backends.host.target").keeps_files(target)


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
