"""Schedules of faults are values, like generators: asking for the next step returns it and the schedule of the rest."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from random import Random
from typing import Any, Protocol

import msgspec

from targets.fault import Fault
from targets.node import NodeId


class Situation(msgspec.Struct, frozen=True, dict=True):
    """What a schedule may know when it decides: the time, the nodes, who is down, and what each node tells of itself,
    so that it can isolate the leader."""

    now_ms: float
    nodes: tuple[NodeId, ...]
    random: Random
    down: frozenset[NodeId] = frozenset()
    paused: frozenset[NodeId] = frozenset()
    look: Callable[[], dict[NodeId, dict[str, Any]]] = dict
    """Asks the nodes; most decisions need no answer."""
    clients: tuple[NodeId, ...] = ()
    """Names of the clients, where their links can be made bad too."""
    sessions: bool = False
    """True if the system executes a repeated request once, so that requests may be duplicated."""

    @cached_property
    def views(self) -> dict[NodeId, dict[str, Any]]:
        """By node that runs, what Node.view says of it; empty where the cluster cannot tell."""
        return self.look()


class Step(msgspec.Struct, frozen=True):
    """Carry out `fault` at `at_ms` (now, if that has passed)."""

    at_ms: float
    fault: Fault


class Look(msgspec.Struct, frozen=True):
    """Ask again at `at_ms`: nothing to do before."""

    at_ms: float


class Schedule(Protocol):
    """A source of faults; None when nothing more will go wrong. The driver heals, resumes and restarts at the end."""

    def next(self, situation: Situation) -> tuple[Step | Look | None, Schedule]: ...
