"""How fast objects of each kind are judged: history, outcome, method, seconds, peak memory. Judges nothing.

    python -m tests.benchmarks.checker [--large]

Each row runs in a process of its own, so that the peak is its own; "loaded" is the memory before the check began.
--large adds ten million operations on one register (about 5 GB).
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from checker.check import check
from checker.history import INFO, PENDING, Column, History, Tables
from tests.benchmarks._objects import build_object, by_call


@dataclass(frozen=True)
class Row:
    """One history: `operations` by `clients` on `keys`, the first `crashed` of the writes pending.

    `model`: see build_object; "" for registers. `stale`: a late stale read, or another late fault.
    """

    name: str
    operations: int
    clients: int = 50
    keys: int = 1
    crashed: int = 0
    stale: bool = False
    model: str = ""


ROWS = (
    Row("1 register, 5 clients, 10k ops", 10_000, 5),
    Row("1 register, 5 clients, 100k ops", 100_000, 5),
    Row("1 register, 50 clients, 10k ops", 10_000),
    Row("1 register, 50 clients, 100k ops", 100_000),
    Row("1 register, 50 clients, 1M ops", 1_000_000),
    Row("1 register, 50 clients, 1M ops, late stale read", 1_000_000, stale=True),
    Row("1 register, 5 clients, 10k ops, 200 crashed writes, stale read", 10_000, 5, crashed=200, stale=True),
    Row("key-value, 1000 keys, 1M ops", 1_000_000, keys=1000),
    Row("key-value, 1000 keys, 1M ops, late stale read", 1_000_000, keys=1000, stale=True),
    *(
        row
        for model in ("mutex", "queue", "stack", "priority-queue")
        for row in (
            Row(f"{model}, 5 clients, 10k ops", 10_000, 5, model=model),
            Row(f"{model}, 5 clients, 100k ops", 100_000, 5, model=model),
            Row(f"{model}, 5 clients, 1M ops", 1_000_000, 5, model=model),
            Row(f"{model}, 50 clients, 1M ops", 1_000_000, model=model),
            Row(f"{model}, 50 clients, 1M ops, late fault", 1_000_000, stale=True, model=model),
        )
    ),
    *(
        Row(f"{model}, 5 clients, 100k ops, 20 crashed takes", 100_000, 5, crashed=20, model=model)
        for model in ("queue", "stack", "priority-queue")
    ),
)
LARGE = (Row("1 register, 50 clients, 10M ops", 10_000_000),)


def build(row: Row, seed: int = 1) -> History:
    """Operations at points 1 µs apart, each called and returned at random around its point, half of them writes of
    values of their own; a stale read returns a value from the middle of the history."""
    if row.model:
        return build_object(row.model, row.operations, row.clients, row.crashed, row.stale, seed)
    rng = np.random.default_rng(seed)
    size = row.operations
    point = np.arange(size, dtype=np.int64) * 1000 + 1_000_000_000
    half = row.clients * 500
    call, ret = point - rng.integers(1, half, size), point + rng.integers(1, half, size)
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
    model = row.model or ("kv" if row.keys > 1 else "register")
    check(build(Row("to have everything imported", 2000, 5, model=row.model)), row.model or "register")
    loaded = _peak_mb()
    started = time.perf_counter()
    verdict = check(history, model)
    return verdict.outcome, verdict.method, time.perf_counter() - started, _peak_mb(), loaded


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    rows = ROWS + (LARGE if "--large" in sys.argv[1:] else ())
    print(f"{'history':66} {'outcome':8} {'method':17} {'seconds':>8} {'peak MB':>8} {'loaded MB':>9}")
    for row in rows:
        with get_context("spawn").Pool(1) as pool:
            outcome, method, seconds, peak, loaded = pool.apply(measure, (row,))
        print(f"{row.name:66} {outcome:8} {method:17} {seconds:8.3f} {peak:8} {loaded:9}", flush=True)


if __name__ == "__main__":
    main()
