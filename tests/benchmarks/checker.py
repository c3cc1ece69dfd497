"""How fast objects of each kind are judged: history, outcome, method, seconds, peak memory. Judges nothing.

    python -m tests.benchmarks.checker [--large] [--porcupine]

Each row runs in a process of its own, so that the peak is its own; "loaded" is the memory before the check began.
Seconds are those of one core, of short histories the least of a few runs. At the end, for each monitor, how the time
grew from 10k to 1M operations. --large adds ten million operations on one register (about 5 GB). --porcupine
has a command of that name run beside where values repeat (_porcupine.py).
"""

from __future__ import annotations

import math
import resource
import sys
import time
from dataclasses import dataclass
from multiprocessing import get_context
from random import Random

import numpy as np
from msgspec import structs

from checker.check import check
from checker.history import INFO, PENDING, Column, History, Operation, Tables
from checker.model import Model
from tests.benchmarks import _porcupine
from tests.benchmarks._grown import KINDS, build_grown
from tests.benchmarks._objects import build_object, by_call, spread
from tests.benchmarks.lies import unanswered
from tests.checker.register_histories import crowded_cas
from tests.checker.test_repeated_bags import repeated
from tests.checker.test_repeated_values import NO_LIE, Mine, crowd
from tests.checker.test_sets import read_as_a_whole

SHORT, LONG = 10_000, 1_000_000


LIES = {"cas-register": None, "queue": 9, "priority-queue": 4}
"""What a late operation finds: nothing, as at the beginning; a value that no operation put in; not the smallest."""


@dataclass(frozen=True)
class Row:
    """One history: `operations` by `clients` on `keys`, `crashed` of the writes (or takes, or puts) pending.

    `kind`: a model (see build_object and build_grown), perhaps with a word of what is done to it; "" for registers.
    `stale`: a late stale read, or another late fault.
    """

    name: str
    operations: int
    clients: int = 50
    keys: int = 1
    crashed: int = 0
    stale: bool = False
    kind: str = ""

    @property
    def judged_as(self) -> str | type[Model]:
        return Mine if self.model == "mine" else self.model

    @property
    def model(self) -> str:
        return self.kind.split()[0] if self.kind else "kv" if self.keys > 1 else "register"


CONTAINERS = ("queue", "stack", "priority-queue")
MONITORS = ("mutex", *CONTAINERS, *KINDS)
ROWS = (
    Row("1 register, 5 clients, 10k ops", SHORT, 5),
    Row("1 register, 5 clients, 100k ops", 100_000, 5),
    Row("1 register, 5 clients, 1M ops", LONG, 5),
    Row("1 register, 50 clients, 10k ops", SHORT),
    Row("1 register, 50 clients, 100k ops", 100_000),
    Row("1 register, 50 clients, 1M ops", LONG),
    Row("1 register, 50 clients, 1M ops, late stale read", LONG, stale=True),
    Row("1 register, 5 clients, 10k ops, 200 crashed writes, stale read", SHORT, 5, crashed=200, stale=True),
    Row("key-value, 1000 keys, 1M ops", LONG, keys=1000),
    Row("key-value, 1000 keys, 1M ops, late stale read", LONG, keys=1000, stale=True),
    Row("cas-register, values 0..4, 5 clients, 1k ops, 20 crashed", 1000, 5, crashed=20, kind="cas-register"),
    Row(
        "cas-register, values 0..4, 5 clients, 1k ops, 20 crashed, garbage read",
        1000,
        5,
        crashed=20,
        stale=True,
        kind="cas-register",
    ),
    *(
        row
        for kind in MONITORS
        for row in (
            Row(f"{kind}, 5 clients, 10k ops", SHORT, 5, kind=kind),
            Row(f"{kind}, 5 clients, 1M ops", LONG, 5, kind=kind),
            Row(f"{kind}, 50 clients, 1M ops", LONG, kind=kind),
            Row(f"{kind}, 50 clients, 1M ops, late fault", LONG, stale=True, kind=kind),
        )
    ),
    *(
        Row(f"{kind}, 5 clients, 100k ops, 20 crashed", 100_000, 5, crashed=20, kind=kind)
        for kind in (*CONTAINERS, *(kind for kind in KINDS if kind not in ("ids", "generation")))
    ),
)
REPEATED = tuple(
    Row(
        f"{kind}, {what}{clients} clients, {size:,} ops{', late lie' if stale else ''}",
        size,
        clients,
        stale=stale,
        kind=f"{kind} crowd",
    )
    for kind, what, clients, size, stale in (
        ("cas-register", "values 0..4, ", 10, 1000, False),
        ("cas-register", "values 0..4, ", 10, 1000, True),
        ("cas-register", "values 0..4, ", 10, SHORT, False),
        ("cas-register", "values 0..4, ", 20, 1000, False),
        ("cas-register", "values 0..4, ", 20, 1000, True),
        ("cas-register", "values 0..4, ", 20, SHORT, False),
        ("cas-register", "values 0..4, ", 30, 1000, False),
        ("queue", "values 0..4, ", 10, 1000, False),
        ("queue", "values 0..4, ", 10, 1000, True),
        ("queue", "values 0..4, ", 10, SHORT, False),
        ("priority-queue", "values 0..4, ", 4, 3000, False),
        ("priority-queue", "values 0..4, ", 4, 3000, True),
        ("set", "removes, reads of all, ", 20, 400, False),
        ("kv-append", "some texts twice, ", 50, 2000, False),
    )
) + tuple(
    Row(
        f"{kind}, values 0..4, {clients} clients, {size:,} ops, {crashed} {what}",
        size,
        clients,
        keys,
        crashed,
        kind=f"{kind} crowd",
    )
    for kind, clients, size, keys, crashed, what in (
        ("cas-register", 10, 1000, 1, 20, "crashed"),
        ("cas-register", 10, 1000, 1, 100, "time-outs"),
        ("cas-register", 20, SHORT, 1, 1000, "time-outs"),
        ("kv", 10, SHORT, 5, 0, "crashed, 5 keys"),
        ("kv", 10, SHORT, 5, 1000, "time-outs, 5 keys"),
        ("mine", 10, 1000, 1, 0, "crashed"),
        ("mine", 20, SHORT, 1, 0, "crashed"),
    )
)
"""The last rows: a user's plain model, of which no more is known than its beginning and its step."""
LARGE = (Row("1 register, 50 clients, 10M ops", 10_000_000),)


def build(row: Row, seed: int = 1) -> History:
    """Operations at points 1 µs apart, each called and returned at random around its point, half of them writes of
    values of their own; a stale read returns a value from the middle of the history."""
    if row.kind.endswith("crowd"):
        return History.of(_crowds(row, seed))
    if row.kind == "cas-register":
        return crowded_cas(seed, 9 if row.stale else None)
    if row.kind:
        build_kind = build_grown if row.kind in KINDS else build_object
        return build_kind(row.kind, row.operations, row.clients, row.crashed, row.stale, seed)
    rng = np.random.default_rng(seed)
    size = row.operations
    call, ret = spread(size, row.clients, seed)
    key = rng.integers(0, row.keys, size)
    writes = rng.random(size) < 0.5
    writes[np.unique(key, return_index=True)[1]] = True
    crashed = np.flatnonzero(writes & (np.arange(size) >= size // 10))[: 2 * row.crashed : 2]
    happened = writes.copy()
    happened[crashed[::2]] = False  # every other crashed write never took effect
    source = _sources(key, happened)
    ret[crashed] = PENDING
    status = np.zeros(size, dtype=np.int64)
    status[crashed] = INFO
    if row.stale:
        late = int(np.flatnonzero(~writes)[-5])
        older = np.flatnonzero(writes & (key == key[late]) & (status == 0))
        source[late] = older[len(older) // 2]
    tables = Tables()
    tables.value.codes(range(size))
    tables.key.codes(range(row.keys))
    return by_call(
        tables,
        call=call,
        ret=ret,
        status=status,
        f=np.where(writes, tables.f.code("write"), tables.f.code("read")),
        key=key + 1 if row.keys > 1 else np.zeros(size, dtype=np.int64),
        input=np.where(writes, np.arange(size) + 1, 0),
        output=np.where(writes, 0, source + 1),
    )


def _crowds(row: Row, seed: int) -> list[Operation]:
    """A crowd on each key."""
    if row.model == "priority-queue":
        return repeated(row.model, row.operations, row.clients, LIES[row.model] if row.stale else None, seed)
    if row.model == "set":
        return read_as_a_whole(row.operations, row.clients, seed + 1)
    done: list[Operation] = []
    late = LIES[row.model] if row.stale else NO_LIE
    kind = "cas-register" if row.model in ("kv", "mine") else row.model
    for key in range(row.keys):
        ops = crowd(kind, row.clients, row.operations // row.keys, late=late, seed=seed + key)
        ops = unanswered(ops, row.crashed // row.keys, Random(f"{row.name} {key}"))
        first = {"index": len(done), "process": row.clients * key}
        moved = [
            structs.replace(op, index=op.index + first["index"], process=op.process + first["process"]) for op in ops
        ]
        done += [structs.replace(op, key=key) for op in moved] if row.keys > 1 else moved
    return done


def _sources(key: Column, writes: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Column:
    """Per operation, the last write on its key up to and including it."""
    order = np.argsort(key, kind="stable")
    last = np.maximum.accumulate(np.where(writes[order], np.arange(len(key)), 0))
    source = np.empty(len(key), dtype=np.int64)
    source[order] = order[last]
    return source


def measure(row: Row) -> tuple[str, str, float, int, int]:
    """Outcome, method, seconds of the check, megabytes at the peak and when it began."""
    history = build(row)
    check(build(Row("to have everything imported", 2000, 5, kind=row.kind)), row.judged_as)
    loaded = _peak_mb()
    seconds = math.inf
    for _ in range(max(1, min(5, LONG // row.operations // 4))):
        started = time.process_time()
        verdict = check(history, row.judged_as)
        seconds = min(seconds, time.process_time() - started)
    return verdict.outcome, verdict.method, seconds, _peak_mb(), loaded


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def growth(seconds: dict[Row, float]) -> list[str]:
    """For each pair of rows that differ in length only, how much longer a million operations take than 10k."""
    lines = []
    for row in seconds:
        short = next((other for other in seconds if (other.kind, other.clients) == (row.kind, row.clients)), row)
        if (short.operations, row.operations) == (SHORT, LONG) and row.keys == 1 and not row.stale:
            times = seconds[row] / seconds[short]
            share = times / (LONG * math.log(LONG) / (SHORT * math.log(SHORT)))
            lines.append(f"{row.name:72} {times:8.0f} times, {share:.2f} of n log n")
    return lines


def main() -> None:
    rows = ROWS + REPEATED + (LARGE if "--large" in sys.argv[1:] else ())
    beside = "--porcupine" in sys.argv[1:]
    if beside and not _porcupine.is_there():
        sys.exit(f"there is no {_porcupine.COMMAND} on the PATH: {_porcupine.__doc__}")
    seconds: dict[Row, float] = {}
    print(f"{'history':72} {'outcome':8} {'method':17} {'CPU s':>8} {'peak MB':>8} {'loaded MB':>9}")
    for row in rows:
        with get_context("spawn").Pool(1) as pool:
            outcome, method, seconds[row], peak, loaded = pool.apply(measure, (row,))
        print(f"{row.name:72} {outcome:8} {method:17} {seconds[row]:8.3f} {peak:8} {loaded:9}", flush=True)
        if beside and row in REPEATED:
            outcome, cpu_s = _porcupine.judged(build(row), "cas-register" if row.model == "mine" else row.model)
            print(f"{'  Porcupine':72} {outcome:8} {'':17} {cpu_s:8.3f}", flush=True)
    print("\nfrom 10k operations to 1M", *growth(seconds), sep="\n")


if __name__ == "__main__":
    main()
