"""Schedules of faults are values, like generators: `next` returns the next step and the schedule of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from random import Random
from typing import Any, Protocol

import msgspec

from nemesis.observed import Observed
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId


class Situation(msgspec.Struct, frozen=True, dict=True):
    """What a schedule may know when it decides: the time, the nodes, which of them are down, and the view of each, so
    that it can isolate the leader."""

    now_ms: float
    nodes: tuple[NodeId, ...]
    random: Random
    down: frozenset[NodeId] = frozenset()
    paused: frozenset[NodeId] = frozenset()
    poll: Callable[[], dict[NodeId, dict[str, Any]]] = dict
    """Asks the nodes for their views; most decisions do not need them."""
    clients: tuple[NodeId, ...] = ()
    """Names of the clients, where their links can be degraded too."""
    observed: Observed = msgspec.field(default_factory=Observed)
    """What became of the clients' operations."""
    message_kinds: Mapping[str, int] = {}
    """How many messages of each kind the nodes sent to each other so far, in the order in which the kinds first
    appeared: in a protocol, the order of its phases."""
    sessions: bool = False
    """True if the system executes a repeated request once, so that requests may be duplicated."""

    before: dict[NodeId, dict[str, Any]] = {}
    """Where a trigger has fired: the views at the poll before."""

    @cached_property
    def views(self) -> dict[NodeId, dict[str, Any]]:
        """Node.view of each node that runs; empty where the cluster has no views."""
        return self.poll()


class Step(msgspec.Struct, frozen=True):
    """Carry out `fault` at `at_ms` (now, if that has passed)."""

    at_ms: float
    fault: Fault


POLL_MS = 1.0
"""How often to ask whether a trigger has fired."""


class Poll(msgspec.Struct, frozen=True):
    """Ask the schedule again at `at_ms`; there is nothing to do before.

    Until `watching_ms`, if given, the schedule waits for a trigger too: it is asked every POLL_MS as well, except while
    no node shows anything new.
    """

    at_ms: float
    watching_ms: float | None = None

    def next_ms(self, now_ms: float) -> float:
        """When to ask next."""
        return self.at_ms if self.watching_ms is None else min(self.at_ms, now_ms + POLL_MS)

    def pointless(self, now_ms: float) -> bool:
        """Whether asking now cannot help, unless a node shows something new."""
        return self.watching_ms is not None and now_ms < self.watching_ms and now_ms < self.at_ms


class Schedule(Protocol):
    """A source of faults; None when there are no more. The harness undoes all faults at the end.

    A schedule that never looks at `Situation.views` has an attribute `needs_views` that is False: asking real nodes for
    their views takes time.
    """

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]: ...
