"""A key-value store: read, write, cas and delete over a few keys."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from checker.history import Operation
from workloads.cas_register import CasRegisters
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.parts import Keys, reads

DELETES = 0.08
BASES = ("a", "b", "c", "d", "e")


class Store(Struct, frozen=True):
    """The cas-register workload on more keys, with deletes strewn in."""

    keys: Keys = field(default_factory=lambda: Keys(BASES))
    registers: Generator | None = None

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        if turn.random.random() < DELETES:
            key, _ = self.keys.pick(turn.random)
            return Invocation("delete", key), self
        asked, rest = self._others().next(turn)
        assert isinstance(asked, Invocation)
        return asked, replace(self, registers=rest)

    def observe(self, operation: Operation) -> Generator:
        if operation.f == "delete":
            return self
        return replace(self, registers=self._others().observe(operation))

    def _others(self) -> Generator:
        return self.registers or CasRegisters(keys=self.keys)


WORKLOAD = Workload(
    name="kv",
    summary="key-value store: reads, writes, cas and deletes over five keys",
    operations=frozenset({"read", "write", "cas", "delete"}),
    model="kv",
    start=Store,
    finish=reads,
)
