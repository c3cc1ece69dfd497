"""A lock: every client acquires it, holds it briefly, and releases it; no client releases the lock of another.

After an unknown outcome the client continues as another process, which holds nothing. If the answer to an acquire was
lost, the old process may never release the lock: the others' acquires then fail or time out, which is not a violation.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Wait, Workload
from workloads.parts import client_of

HOLD_MS_MAX = 20.0
KEY = "lock"


class Holding(Struct, frozen=True):
    """What a client that holds the lock knows of it."""

    token: Any
    """What acquire answered: the fencing token of locks that have one; it goes back with the release."""
    waited: bool = False


class Lock(Struct, frozen=True):
    """Acquire, hold, release, by client."""

    holding: tuple[Holding | None, ...] = ()

    def next(self, turn: Turn) -> tuple[Invocation | Wait, Generator]:
        holding = self.holding + (None,) * (turn.clients - len(self.holding))
        mine = holding[turn.client]
        lock = replace(self, holding=holding)
        if mine is None:
            return Invocation("acquire", KEY), lock
        if not mine.waited:
            return Wait(turn.random.uniform(0, HOLD_MS_MAX)), lock._with(turn.client, replace(mine, waited=True))
        return Invocation("release", KEY, mine.token), lock

    def observe(self, operation: Operation) -> Generator:
        client = client_of(operation, len(self.holding))
        if operation.f == "acquire" and operation.status == "ok" and operation.output is not False:
            return self._with(client, Holding(operation.output))
        if operation.f == "release" and operation.status != "fail":
            return self._with(client, None)
        return self

    def _with(self, client: int, mine: Holding | None) -> Lock:
        return replace(self, holding=(*self.holding[:client], mine, *self.holding[client + 1 :]))


WORKLOAD = Workload(
    name="lock",
    summary="a lock: clients acquire it, hold it briefly and release it",
    operations=frozenset({"acquire", "release"}),
    model="mutex",
    start=Lock,
)
