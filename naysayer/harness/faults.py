"""Which faults are in force, and what undoes them: in one place, for every backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from targets.protocol.fault import (
    Corrupt,
    Cut,
    Degrade,
    Fault,
    Heal,
    Hold,
    Kill,
    Pause,
    Reconfigure,
    Release,
    Restart,
    Resume,
    Skew,
    Transfer,
)
from targets.protocol.node import NodeId


class System(Protocol):
    """What the core may see of a cluster."""

    @property
    def nodes(self) -> tuple[NodeId, ...]: ...
    @property
    def down(self) -> frozenset[NodeId]: ...
    @property
    def paused(self) -> frozenset[NodeId]: ...


def undoing(system: System, injected: Sequence[Fault], spared: frozenset[NodeId] = frozenset()) -> Iterator[Fault]:
    """What ends all faults: links first, then clocks and disks, then what is paused, then what is down.

    `spared`: nodes that are down by their own doing, and stay down. The system is looked at as the iterator goes on.
    """
    yield Heal()
    for node in system.nodes:
        if any(isinstance(fault, Skew) and fault.node == node for fault in injected):
            yield Skew(node)
    for fault in injected:
        if isinstance(fault, Corrupt) and fault.kind in ("full", "fsync-error") and not fault.undo:
            yield Corrupt(fault.node, fault.kind, undo=True)
    if system.paused:
        yield Resume(tuple(sorted(system.paused)))
    if down := system.down - spared:
        yield Restart(tuple(sorted(down)))


class InForce:
    """The faults that were injected and not undone, and for how long there was none."""

    def __init__(self) -> None:
        self._now: set[tuple[str, object]] = set()
        self._last_ms = 0.0
        self.ever = False
        """Whether any fault was injected."""

    def injected(self, fault: Fault, now_ms: float) -> None:
        """Take in a fault, or what ends one."""
        before = set(self._now)
        self._take(fault)
        if self._now != before or isinstance(fault, Reconfigure | Transfer):
            self._last_ms, self.ever = now_ms, True

    def _take(self, fault: Fault) -> None:
        match fault:
            case Cut() | Degrade():
                self._now.add(("links", ""))
            case Hold():
                self._now.add(("held", ""))
            case Heal():
                self._now -= {("links", ""), ("held", "")}
            case Release():
                self._now.discard(("held", ""))
            case Kill():
                self._now |= {("kill", node) for node in fault.nodes}
            case Pause():
                self._now |= {("pause", node) for node in fault.nodes}
            case Resume():
                self._now -= {("pause", node) for node in fault.nodes}
            case Restart():
                self._now -= {(kind, node) for node in fault.nodes for kind in ("kill", "pause")}
            case Skew():
                self._now.add(("skew", fault.node))
                if fault == Skew(fault.node):
                    self._now.discard(("skew", fault.node))
            case Corrupt(undo=True):
                self._now.discard((fault.kind, fault.node))
            case Corrupt():
                self._now.add((fault.kind, fault.node))

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
    flipped = {fault.node for fault in injected if isinstance(fault, Corrupt) and fault.kind == "bit-flip"}
    dead = flipped & system.down
    groups = [system.nodes, *(fault.nodes for fault in injected if isinstance(fault, Reconfigure))]
    return any(2 * len(dead.intersection(group)) >= len(group) for group in groups)
