"""Generators are values: asking one for the next operation returns the operation and the generator of the rest.

The harness asks for a client that is free, and shows the generator each completed operation, so that a
workload can feed back what was read. Everything random comes from `Turn.random`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import msgspec

from checker.history import Operation
from workloads.keys import Keys


class Turn(msgspec.Struct, frozen=True):
    """When and for whom an operation is asked: `client` counts from 0 and stays the same after an unknown outcome
    (its process id does not); `clients` is their number."""

    now_ms: float
    client: int
    clients: int
    random: Random


class Invocation(msgspec.Struct, frozen=True):
    """An operation to be invoked. `node` pins it to a node; None leaves the choice to the harness."""

    f: str
    key: Any = None
    input: Any = None
    node: str | None = None


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do for this client for a while."""

    ms: float


class Generator(Protocol):
    """A source of operations. `next` returns None in place of an operation when it is exhausted."""

    def next(self, turn: Turn) -> tuple[Invocation | Wait | None, Generator]: ...

    def observe(self, operation: Operation) -> Generator:
        """The generator after one more operation has completed (ok, fail or info)."""
        ...


@dataclass(frozen=True)
class Workload:
    """A workload as a value. `start` makes its generator from options; `model` names the checker's model for
    its histories; `operations` are those it may invoke."""

    name: str
    summary: str
    operations: frozenset[str]
    model: str
    start: Callable[[], Generator]
    finish: Callable[[Sequence[Any]], Generator] | None = None
    """A last round after all faults are undone: final reads, one by one per client, made from the keys that were used
    last, the latest first."""
    convergence: Callable[[], Generator] | None = None
    """A round of reads on every node, for systems whose nodes may need time to converge. It is repeated until no value
    is missing, or until nothing changes any more. Then `finish` reads every node too."""
    keys: Keys | None = None
    """The keys that `start` uses; None: it has none that could be chosen."""
    with_keys: Callable[[Keys], Generator] | None = None
    """Makes its generator with other keys."""
    only_reads: Callable[[int, int], bool] | None = None
    """Whether a client (of so many) only reads: the harness lets it stay with one node. None: no client does."""
