"""Reads and writes of a few hot keys; every written value is unique, so that a read shows which write it saw."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.keys import Keys
from workloads.parts import choose, reads


class Registers(Struct, frozen=True):
    """Half reads, half writes."""

    keys: Keys = field(default_factory=Keys)
    written: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        key, keys = self.keys.pick(turn.random)
        if choose(turn.random, (0.5, "read"), (0.5, "write")) == "read":
            return Invocation("read", key), replace(self, keys=keys)
        value = self.written + 1
        return Invocation("write", key, value), replace(self, keys=keys, written=value)

    def observe(self, operation: Operation) -> Generator:
        return self


WORKLOAD = Workload(
    name="register",
    summary="reads and writes of unique values on a few hot keys",
    operations=frozenset({"read", "write"}),
    model="register",
    start=Registers,
    finish=reads,
    keys=Keys(),
    with_keys=lambda keys: Registers(keys=keys),
)
