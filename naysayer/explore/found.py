"""What an exploration finds, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from naysayer.explore.frontier import Operation
from targets.protocol.node import Reply


class Action(NamedTuple):
    """Node `node` (from 0) takes input `input`. `client`: who asks, else -1. `copy`: a message that arrives and stays
    under way, as one that the network delivers twice."""

    node: int
    input: int
    client: int = -1
    copy: bool = False


@dataclass(frozen=True)
class Failure:
    """What went wrong, after which actions; `replies` are those that each of them brought about."""

    why: str
    actions: tuple[Action, ...]
    replies: tuple[tuple[Reply, ...], ...]


@dataclass(frozen=True)
class Explored:
    """What was found. `cut`: why it ended early; then all schedules of up to `depth` steps were explored."""

    states: int
    transitions: int
    handled: int
    depth: int
    failure: Failure | None
    cut: str | None
    unanswered: tuple[Operation, ...] = ()
    """Operations that no schedule answers with ok: a scope in which nothing succeeds is free of violations too."""
    clocks: bool = False
    """Nodes read their clocks."""


Progress = Callable[[int, int, int], bool]
"""Given the states so far, the depth, and how many states wait to be gone on from; whether to go on."""
