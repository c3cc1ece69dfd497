"""A target: a system under test as a value, with what it offers and, for a broken variant, its misconception."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from targets.protocol.node import Message, Node, NodeId

Difficulty = Literal["easy", "medium", "hard", "benign"]

HOST = "host:"
"""How the name of a target begins that is a program of the user's: the command of its host process follows."""

COMMANDS = frozenset({"reconfigure", "transfer"})
"""Commands of operators: to change the members, and to transfer the leadership."""


class Invariant(Protocol):
    """Watches the running nodes after every step in the simulator, beside what clients see.

    `name` is its stable name; `check` returns a sentence when it is violated, else None. `stepped` is the node that
    has just handled an input: the others are as they were. One object watches one run, so it may remember what it saw.
    """

    name: str

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None: ...


@dataclass(frozen=True)
class Broken:
    """The misconception of a broken variant, and what exposes it (a row of the list of mutants)."""

    misconception: str
    faults: tuple[str, ...]
    """Names of the nemesis' faults that expose it; empty if none is needed."""
    anomaly: str
    """stale read, lost acknowledged write, split brain ..."""
    difficulty: Difficulty


@dataclass(frozen=True)
class Target:
    """A system under test that the simulator and `--live` can run.

    `node` makes a fresh node (each restart makes a new one). `operations` are the names of the operations that it
    offers; a workload that needs another is refused before the run. `messages` are all classes sent between nodes.
    """

    name: str
    summary: str
    node: Callable[[], Node]
    operations: frozenset[str]
    workload: str
    """The default workload."""
    messages: tuple[type[Message], ...]
    workloads: tuple[str, ...] = ()
    """All workloads that make sense here."""
    nodes: int = 3
    timeout_ms: float = 1000.0
    """How long a client waits before the outcome is unknown."""
    sessions: bool = False
    """True if a request that comes again, by its id, is executed once: then clients may ask again."""
    commands: frozenset[str] = frozenset()
    """Those of COMMANDS that its nodes carry out."""
    foreign: bool = False
    """A program of the user's: it may refuse operations (error 10), and the workload may not suit it."""
    broken: Broken | None = None
    invariants: tuple[Callable[[], Invariant], ...] = ()
    recovery: tuple[Callable[[], Invariant], ...] = ()
    """Invariants of what a node has when it has come up: they are asked after its start only."""
    patterns: tuple[str, ...] = ()
