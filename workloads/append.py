"""Appends and reads of the whole: strings that grow (kv-append) and lists that grow (append-list).

Every read shows the order of all appends before it, which is more than a register ever shows. The price is its
length, so that keys are retired after a while.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.keys import Keys
from workloads.parts import choose, reads


class Appends(Struct, frozen=True):
    """Half reads, half appends of unique items, as strings or as numbers; with `writes` a few that replace all."""

    strings: bool
    writes: bool = False
    keys: Keys = field(default_factory=Keys)
    appended: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        key, keys = self.keys.pick(turn.random)
        f = choose(turn.random, (0.5, "read"), (0.45, "append"), (0.05, "write"))
        if f == "read":
            return Invocation("read", key), replace(self, keys=keys)
        number = self.appended + 1
        item = f"({number})" if self.strings else number
        f = f if self.writes else "append"
        return Invocation(f, key, item), replace(self, keys=keys, appended=number)

    def observe(self, operation: Operation) -> Generator:
        return self


KV_APPEND = Workload(
    name="kv-append",
    summary="strings that grow: appends of unique text, reads, sometimes a write",
    operations=frozenset({"read", "write", "append"}),
    model="kv-append",
    start=lambda: Appends(strings=True, writes=True),
    finish=reads,
    keys=Keys(),
    with_keys=lambda keys: Appends(strings=True, writes=True, keys=keys),
)

APPEND_LIST = Workload(
    name="append-list",
    summary="lists that grow: appends of unique numbers, reads of the whole list",
    operations=frozenset({"read", "append"}),
    model="append-list",
    start=lambda: Appends(strings=False),
    finish=reads,
    keys=Keys(),
    with_keys=lambda keys: Appends(strings=False, keys=keys),
)
