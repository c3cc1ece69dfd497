"""Registers with compare-and-set, which uses the values that were read.

A cas from a value that was not read recently nearly always fails and shows little, so the last value is kept per key.
The very same cas is also asked for a second time: a system that applies a retry twice, or answers from a stale copy,
shows it there. A cas from an old value should fail, and must not fail when the value is still there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Invocation, Turn, Workload
from workloads.keys import Keys
from workloads.parts import choose, reads

NOTED_MAX = 100
"""Of so many keys it is noted what was seen: the others were retired long ago."""


class CasRegisters(Struct, frozen=True):
    """Reads, writes and cas; `absent` makes a cas from nothing where nothing was seen yet."""

    keys: Keys = field(default_factory=Keys)
    written: int = 0
    seen: Mapping[Any, Any] = field(default_factory=dict)
    """By key, the value seen last."""
    older: Mapping[Any, Any] = field(default_factory=dict)
    """By key, the value seen before it."""
    tried: Mapping[Any, tuple[Any, Any]] = field(default_factory=dict)
    """By key, the cas asked for last."""
    absent: bool = False

    def next(self, turn: Turn) -> tuple[Invocation, CasRegisters]:
        random = turn.random
        key, keys = self.keys.pick(random)
        f = choose(random, (0.35, "read"), (0.2, "write"), (0.3, "cas"), (0.1, "again"), (0.05, "old"))
        after = replace(self, keys=keys)
        if f == "again" and key in self.tried:
            return Invocation("cas", key, self.tried[key]), after
        if f in ("cas", "again", "old"):
            expected = (self.older if f == "old" else self.seen).get(key)
            if expected is not None or self.absent:
                change = (expected, self.written + 1)
                after = replace(after, written=self.written + 1, tried=noted(self.tried, key, change))
                return Invocation("cas", key, change), after
            f = "read"
        if f == "read":
            return Invocation("read", key), after
        return Invocation("write", key, self.written + 1), replace(after, written=self.written + 1)

    def observe(self, operation: Operation) -> CasRegisters:
        if operation.status != "ok":
            return self
        key, value = operation.key, operation.output
        if operation.f == "write":
            value = operation.input
        elif operation.f == "cas":
            value = None if operation.output is False else operation.input[1]
        if value is None or self.seen.get(key) == value:
            return self
        older = noted(self.older, key, self.seen[key]) if key in self.seen else self.older
        return replace(self, seen=noted(self.seen, key, value), older=older)


def noted(known: Mapping[Any, Any], key: Any, value: Any) -> Mapping[Any, Any]:
    """With one more key, or another value of it; without the key noted longest ago where there are many."""
    first = next(iter(known)) if len(known) >= NOTED_MAX and key not in known else None
    return {**{one: old for one, old in known.items() if one != first}, key: value}


WORKLOAD = Workload(
    name="cas-register",
    summary="reads, writes and compare-and-set from values that were read, some of them repeated",
    operations=frozenset({"read", "write", "cas"}),
    model="cas-register",
    start=CasRegisters,
    finish=reads,
    keys=Keys(),
    with_keys=lambda keys: CasRegisters(keys=keys),
)

ONCE = Keys(operations_per_key=15)

WRITE_ONCE = Workload(
    name="write-once",
    summary="registers written once: many fresh keys, on each a race of writes and of cas from nothing",
    operations=frozenset({"read", "write", "cas"}),
    model="cas-register",
    start=lambda: CasRegisters(keys=ONCE, absent=True),
    finish=reads,
    keys=ONCE,
    with_keys=lambda keys: CasRegisters(keys=keys, absent=True),
)
