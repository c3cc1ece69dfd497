"""A register with fencing: clients ask for generations, and write under the one that they were given last.

The generation is the fencing token of a lock that may expire: a client that was deposed does not know it, writes on,
and must be refused. It learns so from the refusal, and asks for a new one.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.parts import choose, client_of, reads

KEY = "x"


class Held(NamedTuple):
    """The generation that a client was given, and the node that it asked for it: this node owns it."""

    generation: int
    node: str | None


class FencedWrites(Struct, frozen=True):
    """Reads, fenced writes of unique values, and generations: each deposes the others, so few are asked for."""

    held: tuple[Held | None, ...] = ()
    written: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        held = self.held + (None,) * (turn.clients - len(self.held))
        mine = held[turn.client]
        after = replace(self, held=held)
        f = choose(turn.random, (0.3, "read"), (0.6, "fenced-write"), (0.1, "next"))
        if f == "next":
            return Invocation("next", KEY), after
        if f == "read" or mine is None:
            return Invocation("read", KEY), after
        value = self.written + 1
        return Invocation("fenced-write", KEY, (mine.generation, value), mine.node), replace(after, written=value)

    def observe(self, operation: Operation) -> Generator:
        client = client_of(operation, len(self.held))
        if operation.f == "next" and operation.status == "ok":
            return self._with(client, Held(operation.output, operation.node))
        if operation.f == "fenced-write" and operation.status == "fail":
            return self._with(client, None)
        return self

    def _with(self, client: int, mine: Held | None) -> FencedWrites:
        return replace(self, held=(*self.held[:client], mine, *self.held[client + 1 :]))


WORKLOAD = Workload(
    name="fenced-register",
    summary="generations, and writes under the client's latest one, which are refused once a newer one was granted",
    operations=frozenset({"next", "read", "fenced-write"}),
    model="fenced-register",
    start=FencedWrites,
    finish=reads,
)
