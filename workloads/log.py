"""An append-only log: append answers the offset, a read by offset answers the item there, or nothing behind the end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Moment, Workload
from workloads.parts import choose

KEY = "log"
FINAL_READS = 20


@dataclass(frozen=True)
class Log:
    """Appends of unique items, and reads around the highest offset that anybody was told of."""

    appended: int = 0
    highest: int = -1

    def next(self, moment: Moment) -> tuple[Invocation, Generator]:
        if choose(moment.random, (0.5, "append"), (0.5, "read")) == "append":
            return Invocation("append", KEY, self.appended + 1), replace(self, appended=self.appended + 1)
        near_the_end = moment.random.random() < 0.7
        first = max(0, self.highest - 3) if near_the_end else 0
        return Invocation("read", KEY, moment.random.randint(first, self.highest + 1 if self.highest >= 0 else 0)), self

    def observe(self, operation: Operation) -> Generator:
        if operation.f == "append" and operation.status == "ok" and isinstance(operation.output, int):
            return replace(self, highest=max(self.highest, operation.output))
        return self


@dataclass(frozen=True)
class FromTheStart:
    """Every client reads the log from offset 0 until nothing comes, or FINAL_READS items came."""

    asked: tuple[int, ...] = ()
    ended: bool = False
    clients: int = 1

    def next(self, moment: Moment) -> tuple[Invocation | None, Generator]:
        asked = self.asked + (0,) * (moment.client + 1 - len(self.asked))
        offset = asked[moment.client]
        if offset == FINAL_READS:
            return None, self
        after = (*asked[: moment.client], offset + 1, *asked[moment.client + 1 :])
        return Invocation("read", KEY, offset), replace(self, asked=after)

    def observe(self, operation: Operation) -> Generator:
        return self


WORKLOAD = Workload(
    name="log",
    summary="a replicated log: appends answer their offset, reads by offset",
    operations=frozenset({"append", "read"}),
    model="log",
    start=Log,
    finish=FromTheStart,
)
