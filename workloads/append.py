"""Appends and reads of the whole: strings that grow (kv-append, with cas and delete too where the system has them) and
lists that grow (append-list).

Every read shows the order of all appends before it, which is more than a register ever shows. The price is its
length, so that keys are retired after a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from checker.history import Operation
from workloads.cas_register import noted
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.keys import Keys
from workloads.parts import choose, reads


class Appends(Struct, frozen=True):
    """Half reads, half appends of unique items, as strings or as numbers; with `writes` a few that replace all."""

    strings: bool
    writes: bool = False
    keys: Keys = field(default_factory=Keys)
    appended: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Appends]:
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


class Changes(Struct, frozen=True):
    """The same with deletes, and with cas from the text that was seen last to one that is new."""

    appends: Appends = field(default_factory=lambda: Appends(strings=True, writes=True))
    seen: Mapping[Any, str] = field(default_factory=dict)
    """By key, the text seen last."""

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        f = choose(turn.random, (0.8, ""), (0.16, "cas"), (0.04, "delete"))
        if not f:
            asked, rest = self.appends.next(turn)
            return asked, replace(self, appends=rest)
        key, keys = self.appends.keys.pick(turn.random)
        if f == "delete":
            return Invocation("delete", key), replace(self, appends=replace(self.appends, keys=keys))
        number = self.appends.appended + 1
        rest = replace(self.appends, keys=keys, appended=number)
        return Invocation("cas", key, (self.seen.get(key) or None, f"({number})")), replace(self, appends=rest)

    def observe(self, operation: Operation) -> Generator:
        key = operation.key
        if operation.status != "ok" or operation.output is False:
            return self
        match operation.f:
            case "read":
                return replace(self, seen=noted(self.seen, key, operation.output or ""))
            case "append":
                return replace(self, seen=noted(self.seen, key, self.seen.get(key, "") + operation.input))
            case "write":
                return replace(self, seen=noted(self.seen, key, operation.input))
            case "cas":
                return replace(self, seen=noted(self.seen, key, operation.input[1]))
        return replace(self, seen=noted(self.seen, key, ""))


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

KV_APPEND_WITH_CAS = Workload(
    name="kv-append-with-cas",
    summary="strings that grow, with deletes and with compare-and-set from texts that were read",
    operations=frozenset({"read", "write", "append", "cas", "delete"}),
    model="kv-append",
    start=Changes,
    finish=reads,
    keys=Keys(),
    with_keys=lambda keys: Changes(Appends(strings=True, writes=True, keys=keys)),
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
