"""The parts that workloads are made of: which key, which operation, last rounds, bounds and pinning."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Wait


def choose(random: Random, *mix: tuple[float, str]) -> str:
    """One of the names, by weight (the weights sum to 1)."""
    number = random.random()
    for weight, name in mix:
        number -= weight
        if number < 0:
            return name
    return mix[-1][1]


def client_of(operation: Operation, clients: int) -> int:
    """The client that invoked it: a client continues as process + clients after an unknown outcome."""
    assert isinstance(operation.process, int)
    return operation.process % clients


class EachClient(Struct, frozen=True):
    """Every client invokes these operations once, in this order: a last round of reads, say."""

    invocations: tuple[Invocation, ...]
    asked: tuple[int, ...] = ()
    """By client, how many of them it has been given."""

    def next(self, turn: Turn) -> tuple[Invocation | Wait | None, Generator]:
        asked = self.asked + (0,) * (turn.client + 1 - len(self.asked))
        place = asked[turn.client]
        if place == len(self.invocations):
            return None, self
        after = (*asked[: turn.client], place + 1, *asked[turn.client + 1 :])
        return self.invocations[place], replace(self, asked=after)

    def observe(self, operation: Operation) -> Generator:
        return self


class Limited(Struct, frozen=True):
    """The first `left` operations of another generator; then it is exhausted."""

    generator: Generator
    left: int

    def next(self, turn: Turn) -> tuple[Invocation | Wait | None, Generator]:
        if self.left <= 0:
            return None, self
        asked, rest = self.generator.next(turn)
        return asked, Limited(rest, self.left - isinstance(asked, Invocation))

    def observe(self, operation: Operation) -> Generator:
        return replace(self, generator=self.generator.observe(operation))


class Pinned(Struct, frozen=True):
    """Another generator whose clients each stay with one node, whatever becomes of it: client i with the i-th."""

    generator: Generator
    nodes: tuple[str, ...]

    def next(self, turn: Turn) -> tuple[Invocation | Wait | None, Generator]:
        asked, rest = self.generator.next(turn)
        if isinstance(asked, Invocation):
            asked = replace(asked, node=self.nodes[turn.client % len(self.nodes)])
        return asked, replace(self, generator=rest)

    def observe(self, operation: Operation) -> Generator:
        return replace(self, generator=self.generator.observe(operation))


def reads(keys: Sequence[Any], f: str = "read") -> EachClient:
    """A last round in which every client reads every key."""
    return EachClient(tuple(Invocation(f, key) for key in keys))
