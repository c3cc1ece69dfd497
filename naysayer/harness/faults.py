"""Which faults are in force, and what undoes them: in one place, for every backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from targets.protocol.fault import Condition, Fault, Heal, Release, Restart, Resume
from targets.protocol.node import NodeId


class System(Protocol):
    """What the core may see of a cluster."""

    @property
    def nodes(self) -> tuple[NodeId, ...]: ...
    @property
    def down(self) -> frozenset[NodeId]: ...
    @property
    def paused(self) -> frozenset[NodeId]: ...


AS_NEEDED = (Heal, Release, Resume, Restart)
"""What the state of the system asks for, whatever was injected: nodes may be down by their own doing."""


def undoing(system: System, injected: Sequence[Fault], spared: frozenset[NodeId] = frozenset()) -> Iterator[Fault]:
    """What ends all faults: links first, then clocks and disks, then what is paused, then what is down.

    `spared`: nodes that are down by their own doing, and stay down. The system is looked at as the iterator goes on.
    """
    yield Heal()
    yield from _undone(system, [fault for fault in injected if not fault.momentary], once=True)
    yield from _undone(system, [fault for fault in injected if fault.momentary], once=False)
    if system.paused:
        yield Resume(tuple(sorted(system.paused)))
    if down := system.down - spared:
        yield Restart(tuple(sorted(down)))


def _undone(system: System, faults: Sequence[Fault], *, once: bool) -> list[Fault]:
    """What ends faults that the system does not show. `once`: where several ask for the same, in the order of nodes."""
    found = [ending for fault in faults if (ending := fault.undone_by()) and not isinstance(ending, AS_NEEDED)]
    if not once:
        return found
    order = {node: number for number, node in enumerate(system.nodes)}
    return sorted(dict.fromkeys(found), key=lambda one: min((order.get(at.where, -1) for at in one.ends()), default=-1))


class InForce:
    """The faults that were injected and not undone, and for how long there was none."""

    def __init__(self) -> None:
        self._now: frozenset[Condition] = frozenset()
        self._last_ms = 0.0
        self.ever = False
        """Whether any fault was injected."""

    def injected(self, fault: Fault, now_ms: float) -> None:
        """Take in a fault, or what ends one."""
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
    """Whether no majority is left that can run, since what the disks hold was damaged: nothing heals that.

    Of all nodes, or of members that were asked for: those may be the members now.
    """
    dead = {node for fault in injected for node in fault.damages()} & system.down
    groups = [system.nodes, *(members for fault in injected if (members := fault.members()) is not None)]
    return any(2 * len(dead.intersection(group)) >= len(group) for group in groups)
