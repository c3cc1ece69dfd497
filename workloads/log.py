"""An append-only log: append answers the offset, a read by offset answers the item there, or nothing after the end."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.parts import EachClient, choose

KEY = "log"
FINAL_READS = 20
"""How many of the first items every client reads in the last round."""


class Log(Struct, frozen=True):
    """Appends of unique items, and reads around the highest offset that any client knows of."""

    appended: int = 0
    highest: int = -1

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        if choose(turn.random, (0.5, "append"), (0.5, "read")) == "append":
            return Invocation("append", KEY, self.appended + 1), replace(self, appended=self.appended + 1)
        near_the_end = turn.random.random() < 0.7
        first = max(0, self.highest - 3) if near_the_end else 0
        return Invocation("read", KEY, turn.random.randint(first, self.highest + 1 if self.highest >= 0 else 0)), self

    def observe(self, operation: Operation) -> Generator:
        if operation.f == "append" and operation.status == "ok" and isinstance(operation.output, int):
            return replace(self, highest=max(self.highest, operation.output))
        return self


WORKLOAD = Workload(
    name="log",
    summary="a replicated log: appends answer their offset, reads by offset",
    operations=frozenset({"append", "read"}),
    model="log",
    start=Log,
    finish=lambda keys: EachClient(tuple(Invocation("read", KEY, offset) for offset in range(FINAL_READS))),
)
