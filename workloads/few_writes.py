"""Keys that are written a few times, read many times, and retired: the default for key-value stores in real time.

In real time a fault cannot be timed to a single message, so the load makes the most of each: a write under way, or one
of unknown outcome, is read on every node for as long as it may show. A key whose write failed or is unknown is never
written again, since the next write would hide what became of that one. Retired keys are read now and then: no later
write or read has repaired them, so they show what a restarted node has forgotten.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.keys import Keys
from workloads.parts import reads

LIVE_KEYS = 5
"""How many keys are in use at once. With fewer, the proposers of Paxos duel more often than they write."""

MORE_KEYS = 3
"""As long as no key in use may be written, so many fresh ones are added at most."""

WRITES = 4
"""How often a key is written."""

FIRST_READS = 2
"""How often a fresh key is read before it is written."""

READS_BETWEEN = 6
"""How often a key is read after a write succeeded, before it is written again or retired."""

RACES = 0.3
"""How often two writes of a key may be under way at once."""

FROZEN_MS = 3000.0
"""How long a key is still read most after a write of it failed or is unknown."""

HOT = 0.5
"""Share of reads that go to keys with a write under way, failed or unknown, if there are any."""

RETIRED = 0.06
"""Share of operations that read one of the keys retired last."""

BY_CAS = 3
"""Where the system has compare-and-set, one key in so many is changed by it."""

NO_LIMIT = 10**9
"""Operations of a key: it is retired once it was written often enough, and not for their number."""

RETIRED_MAX = 60
"""How many retired keys are still read."""

REFUSED_NS = 50_000_000
"""A write that fails within this time was refused, by a node that is down or does not lead, and counts as not asked
for. One that fails later was tried, and may have happened all the same."""


class LiveKey(Struct, frozen=True):
    """A key in use."""

    key: Any
    races: bool
    writes_left: int = WRITES
    under_way: int = 0
    reads_due: int = FIRST_READS
    """So many reads come before the next write."""
    operations: int = 0
    frozen_ms: float | None = None
    """Since when it is not written any more: a write failed or is unknown."""
    by_cas: bool = False
    """It is changed by compare-and-set from the value seen last, as soon as one was seen."""
    seen: Any = None

    def may_be_written(self) -> bool:
        """Whether a client may write it now."""
        free = self.under_way < (2 if self.races else 1)
        return self.frozen_ms is None and self.writes_left > 0 and self.reads_due <= 0 and free

    def is_done(self, now_ms: float, operations_max: int) -> bool:
        """Whether it is retired."""
        if self.operations >= operations_max and not self.under_way:
            return True
        if self.frozen_ms is not None:
            return now_ms - self.frozen_ms > FROZEN_MS
        return self.writes_left <= 0 and not self.under_way and self.reads_due <= 0


class FewWrites(Struct, frozen=True):
    """Reads and writes of unique values. Keys are k1, k2, ..., or `integers` from 1 on."""

    live: int = LIVE_KEYS
    operations_per_key: int = NO_LIMIT
    integers: bool = False
    cas: bool = False
    """Every third key is changed by compare-and-set."""
    keys: tuple[LiveKey, ...] = ()
    made: int = 0
    """How many keys there have been."""
    written: int = 0
    retired: tuple[Any, ...] = ()
    """The keys retired last."""
    now_ms: float = 0.0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        random = turn.random
        if self.retired and random.random() < RETIRED:
            return Invocation("read", random.choice(self.retired)), self
        rest = self._renewed(turn.now_ms, random)
        ready = [] if only_reads(turn.client, turn.clients) else [one for one in rest.keys if one.may_be_written()]
        if ready:
            one = random.choice(ready)
            value = rest.written + 1
            under_way, left = one.under_way + 1, one.writes_left - 1
            used = replace(one, under_way=under_way, writes_left=left, operations=one.operations + 1)
            after = replace(rest._with(used), written=value)
            if one.by_cas and one.seen is not None:
                return Invocation("cas", one.key, (one.seen, value)), after
            return Invocation("write", one.key, value), after
        hot = [one for one in rest.keys if one.under_way or one.frozen_ms is not None]
        one = random.choice(hot if hot and random.random() < HOT else rest.keys)
        used = replace(one, reads_due=one.reads_due - 1, operations=one.operations + 1)
        return Invocation("read", one.key), rest._with(used)

    def observe(self, operation: Operation) -> Generator:
        if operation.f == "read" and not self.cas:
            return self
        found = next((one for one in self.keys if one.key == operation.key), None)
        if found is None:
            return self  # retired meanwhile
        if operation.f == "read":
            return self._with(replace(found, seen=operation.output)) if operation.status == "ok" else self
        after = replace(found, under_way=found.under_way - 1, races=operation.index % 10 < 10 * RACES)
        if operation.status == "ok":
            after = replace(after, reads_due=READS_BETWEEN)
        elif operation.status == "fail" and operation.ret - operation.call < REFUSED_NS:
            # a system without cas refuses each: then the key is written
            after = replace(after, writes_left=found.writes_left + 1, by_cas=found.by_cas and operation.f != "cas")
        else:
            after = replace(after, frozen_ms=found.frozen_ms or self.now_ms)
        return self._with(after)

    def _with(self, changed: LiveKey) -> FewWrites:
        return replace(self, keys=tuple(changed if one.key == changed.key else one for one in self.keys))

    def _renewed(self, now_ms: float, random: Random) -> FewWrites:
        """With fresh keys in place of those that are done, and more of them if no key may be written any more."""
        done = [one for one in self.keys if one.is_done(now_ms, self.operations_per_key)]
        kept = [one for one in self.keys if one not in done] if done else list(self.keys)
        fresh = max(self.live - len(kept), 0)
        stuck = all(one.frozen_ms is not None or one.under_way > 1 for one in kept)
        if not fresh and stuck and len(kept) < self.live + MORE_KEYS:
            fresh = 1
        if not fresh and not done:
            return replace(self, now_ms=now_ms)
        names = range(self.made + 1, self.made + fresh + 1)
        added = [
            LiveKey(n if self.integers else f"k{n}", random.random() < RACES, by_cas=self.cas and n % BY_CAS == 0)
            for n in names
        ]
        retired = (*self.retired, *(one.key for one in done))[-RETIRED_MAX:]
        keys = (*kept, *added)
        return replace(self, keys=keys, made=self.made + fresh, retired=retired, now_ms=now_ms)


def only_reads(client: int, clients: int) -> bool:
    """Half of the clients only read, if there are at least six: they never hang in a write, so that a deposed leader
    is still asked for reads."""
    return clients >= 6 and client % 6 >= 3


def with_keys(keys: Keys, *, cas: bool = False) -> FewWrites:
    """With so many keys at once, retired after so many operations at the latest; their names are its own."""
    return FewWrites(len(keys.bases), keys.operations_per_key, isinstance(keys.bases[0], int), cas)


KEYS = Keys(tuple(f"k{number}" for number in range(1, LIVE_KEYS + 1)), NO_LIMIT)

WORKLOAD = Workload(
    name="write-few-read-many",
    summary="fresh keys, each written four times and read many times, then retired: the default in real time",
    operations=frozenset({"read", "write"}),
    model="register",
    start=FewWrites,
    finish=reads,
    keys=KEYS,
    with_keys=with_keys,
    only_reads=only_reads,
)

WITH_CAS = Workload(
    name="write-few-with-cas",
    summary="the same, with every third key changed by compare-and-set: the default where there is one",
    operations=frozenset({"read", "write", "cas"}),
    model="cas-register",
    start=lambda: FewWrites(cas=True),
    finish=reads,
    keys=KEYS,
    with_keys=partial(with_keys, cas=True),
    only_reads=only_reads,
)
