"""Which faults are in force, and what undoes them, for every backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from targets.protocol.fault import Condition, Fault, Heal, Release, Restart, Resume
from targets.protocol.node import NodeId


class System(Protocol):
    """The part of a cluster that the core sees."""

    @property
    def nodes(self) -> tuple[NodeId, ...]: ...
    @property
    def down(self) -> frozenset[NodeId]: ...
    @property
    def paused(self) -> frozenset[NodeId]: ...
    @property
    def message_kinds(self) -> Mapping[str, int]: ...


AS_NEEDED = (Heal, Release, Resume, Restart)
"""Undone by the state of the system, not by the list of faults: a node may also have died by itself."""


def undoing(system: System, injected: Sequence[Fault], spared: frozenset[NodeId] = frozenset()) -> Iterator[Fault]:
    """What undoes all faults: first links, then clocks and disks, then paused nodes, then nodes that are down.

    `spared`: nodes that died by themselves; they stay down. The iterator reads the system's state as it goes.
    """
    yield Heal()
    yield from _undone(system, [fault for fault in injected if not fault.momentary], once=True)
    yield from _undone(system, [fault for fault in injected if fault.momentary], once=False)
    if system.paused:
        yield Resume(tuple(sorted(system.paused)))
    if down := system.down - spared:
        yield Restart(tuple(sorted(down)))


def _undone(system: System, faults: Sequence[Fault], *, once: bool) -> list[Fault]:
    """What undoes faults that the system's state does not show. `once`: without repetitions, in the order of nodes."""
    found = [ending for fault in faults if (ending := fault.undone_by()) and not isinstance(ending, AS_NEEDED)]
    if not once:
        return found
    order = {node: number for number, node in enumerate(system.nodes)}
    return sorted(dict.fromkeys(found), key=lambda one: min((order.get(at.where, -1) for at in one.ends()), default=-1))


class InForce:
    """The faults that were injected and not undone, and for how long none has been in force."""

    def __init__(self) -> None:
        self._now: frozenset[Condition] = frozenset()
        self._last_ms = 0.0
        self.ever = False
        """Whether any fault was injected."""

    def injected(self, fault: Fault, now_ms: float) -> None:
        """A fault was injected, or one that undoes another."""
        before, begins, ends = self._now, fault.begins(), fault.ends()
        self._now = (before - ends) | begins
        if self._now != before or not (begins or ends):
            self._last_ms, self.ever = now_ms, True

    def __bool__(self) -> bool:
        """Whether a fault is in force."""
        return bool(self._now)

    def quiet_ms(self, now_ms: float) -> float:
        """For how long no fault has been in force; 0 while one is."""
        return 0.0 if self._now else now_ms - self._last_ms


def damaged(system: System, injected: Sequence[Fault]) -> bool:
    """Whether damage to disks, which cannot be undone, has left no majority that can run.

    This counts for all nodes and for every set of members that was requested, since it may be in force now.
    """
    dead = {node for fault in injected for node in fault.damages()} & system.down
    groups = [system.nodes, *(members for fault in injected if (members := fault.members()) is not None)]
    return any(2 * len(dead.intersection(group)) >= len(group) for group in groups)
