"""Sets, counters, queues, stacks and priority queues: every inserted value is unique, so that it can be recognised."""

from __future__ import annotations

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.parts import choose, reads

RECENT = 8
"""How many of the latest elements of a set are asked for: the hot ones."""


PEEKS = 0.2
"""Share of operations that look at the next value of a container."""


class Set(Struct, frozen=True):
    """Adds of unique elements; contains and remove of recent ones; sometimes a read of the whole set."""

    added: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        f = choose(turn.random, (0.35, "add"), (0.4, "contains"), (0.15, "remove"), (0.1, "read"))
        if f == "read":
            return Invocation("read", "set"), self
        if f == "add" or not self.added:
            return Invocation("add", "set", self.added + 1), replace(self, added=self.added + 1)
        return Invocation(f, "set", turn.random.randint(max(1, self.added - RECENT), self.added)), self

    def observe(self, operation: Operation) -> Generator:
        return self


class Counter(Struct, frozen=True):
    """Increments by one, and reads: what the monitor of counters judges in n log n."""

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        if choose(turn.random, (0.5, "add"), (0.5, "read")) == "read":
            return Invocation("read", "counter"), self
        return Invocation("add", "counter", 1), self

    def observe(self, operation: Operation) -> Generator:
        return self


class Container(Struct, frozen=True):
    """Unique values go in by one operation and come out by another, a little more of the first."""

    put: str
    take: str
    values: int = 0
    shuffled: bool = False
    """Values come in random order (a priority queue would else be a queue)."""
    peeks: bool = False
    """Sometimes the next value is looked at and stays."""

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        if self.peeks and turn.random.random() < PEEKS:
            return Invocation("peek", "q"), self
        if choose(turn.random, (0.52, self.put), (0.48, self.take)) == self.take:
            return Invocation(self.take, "q"), self
        value = self.values + 1
        if self.shuffled:  # the low digits keep it unique, the high ones are its place
            value += turn.random.randrange(1000) * 10_000_000
        return Invocation(self.put, "q", value), replace(self, values=self.values + 1)

    def observe(self, operation: Operation) -> Generator:
        return self


class Drain(Struct, frozen=True):
    """Takes values out until nothing is left, so that each value that was put in and not taken is missed. Every take is
    an operation of its own, with its own time."""

    take: str
    empty: bool = False

    def next(self, turn: Turn) -> tuple[Invocation | None, Generator]:
        return (None if self.empty else Invocation(self.take, "q")), self

    def observe(self, operation: Operation) -> Generator:
        found_none = operation.status == "ok" and operation.f == self.take and operation.output is None
        return replace(self, empty=True) if found_none else self


SET = Workload(
    name="set",
    summary="a set: adds of unique elements, contains and remove of recent ones, reads",
    operations=frozenset({"add", "remove", "contains", "read"}),
    model="set",
    start=Set,
    finish=reads,
)
COUNTER = Workload(
    name="counter",
    summary="a counter: increments and reads",
    operations=frozenset({"add", "read"}),
    model="counter",
    start=Counter,
    finish=reads,
)


def _container(
    name: str, summary: str, put: str, take: str, *, shuffled: bool = False, peeks: bool = False
) -> Workload:
    return Workload(
        name=f"{name}-with-peek" if peeks else name,
        summary=f"the same with peeks at the next value ({name})" if peeks else summary,
        operations=frozenset({put, take} | ({"peek"} if peeks else set())),
        model=name,
        start=lambda: Container(put, take, shuffled=shuffled, peeks=peeks),
        finish=lambda keys: Drain(take),
    )


_QUEUE = partial(_container, "queue", "a FIFO queue: enqueues of unique values, dequeues", "enqueue", "dequeue")
_STACK = partial(_container, "stack", "a stack: pushes of unique values, pops", "push", "pop")
_PRIORITY_QUEUE = partial(
    _container,
    "priority-queue",
    "a priority queue: inserts of unique values in random order, takes of the least",
    "insert",
    "delete-min",
    shuffled=True,
)

CONTAINERS = (
    _QUEUE(),
    _container(
        "unordered-queue",
        "a queue that promises no order: enqueues of unique values, dequeues",
        "enqueue",
        "dequeue",
    ),
    _STACK(),
    _PRIORITY_QUEUE(),
    _QUEUE(peeks=True),
    _STACK(peeks=True),
    _PRIORITY_QUEUE(peeks=True),
)
