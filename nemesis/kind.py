"""What a kind of fault is: when it may be injected, how it begins, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nemesis import directed
from nemesis.schedule import Schedule, Situation
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId

Select = Callable[[Situation], tuple[NodeId, ...]]
Begin = Callable[[Situation], Fault | tuple[Fault, ...] | None]
End = Callable[[Situation, Fault], tuple[Fault, ...]]


def faults_of(begun: Fault | tuple[Fault, ...] | None) -> tuple[Fault, ...]:
    """What a `Begin` chose: one fault, several at once, or none."""
    if begun is None:
        return ()
    return begun if isinstance(begun, tuple) else (begun,)


@dataclass(frozen=True)
class FaultKind:
    """A row of the catalogue. `needs` are the tags of faults that a cluster must be able to carry out.

    `channel`: faults of one channel exclude each other, since one healing ends them all.
    """

    name: str
    summary: str
    needs: frozenset[str]
    begin: Begin
    end: End
    channel: str
    nodes: int = 1
    """The least number of nodes with which it makes sense."""
    triggers: tuple[directed.Trigger, ...] = ()
    """A directed fault begins when one of these, chosen at random, fires; one without any begins at any time."""
    rounds: tuple[int, ...] = (1,)
    """How often in a row it may be injected, each time on a trigger; each fault ends when the next begins."""
    hold_ms: tuple[float, ...] = ()
    """In a relay, means of the time from the fault to the next trigger, of which a run has one; (): it has no relay."""
    recovers: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0)
    """How often the faults of a relay are followed by a time without any; a run has one of these shares."""
    on: Callable[[Select], Begin] | None = None
    """Begins it on selected nodes, as `kill:majority` asks; None: it takes no selection."""
    schedule: Schedule | None = None
    """A whole schedule, of the user's or a relay, which decides alone: no other kind can be added."""

    @property
    def needs_views(self) -> bool:
        """Whether `begin` or `end` looks at the views of the nodes."""
        return bool(self.needs & {"leader", "reconfigure", "views"})
