"""A key-value store: read, write, cas and delete over a few keys."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from checker.history import Operation
from workloads.cas_register import CasRegisters
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.keys import Keys
from workloads.parts import reads

DELETES = 0.08
KEYS = Keys(("a", "b", "c", "d", "e"))


class Store(Struct, frozen=True):
    """The cas-register workload on more keys, with deletes strewn in."""

    registers: CasRegisters = field(default_factory=lambda: CasRegisters(keys=KEYS))

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        if turn.random.random() < DELETES:
            key, keys = self.registers.keys.pick(turn.random)
            return Invocation("delete", key), Store(replace(self.registers, keys=keys))
        asked, rest = self.registers.next(turn)
        return asked, Store(rest)

    def observe(self, operation: Operation) -> Generator:
        if operation.f == "delete":
            return self
        return Store(self.registers.observe(operation))


WORKLOAD = Workload(
    name="kv",
    summary="key-value store: reads, writes, cas and deletes over five keys",
    operations=frozenset({"read", "write", "cas", "delete"}),
    model="kv",
    start=Store,
    finish=reads,
    keys=KEYS,
    with_keys=lambda keys: Store(CasRegisters(keys=keys)),
)
