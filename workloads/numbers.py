"""Clients that only ask for numbers: ids that are unique, generations that only grow."""

from __future__ import annotations

from msgspec import Struct

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Workload


class Ask(Struct, frozen=True):
    """The same question without end."""

    f: str

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        return Invocation(self.f), self

    def observe(self, operation: Operation) -> Generator:
        return self


IDS = Workload(
    name="ids",
    summary="unique ids: each may be returned once",
    operations=frozenset({"generate"}),
    model="ids",
    start=lambda: Ask("generate"),
)
GENERATION = Workload(
    name="generation",
    summary="generations: each greater than all that were returned before it was requested",
    operations=frozenset({"next"}),
    model="generation",
    start=lambda: Ask("next"),
)
