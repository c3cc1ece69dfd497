"""Long histories of queues, stacks, priority queues and locks, legal or with one late fault."""

from __future__ import annotations

import heapq
from collections import deque
from random import Random
from typing import Any

import numpy as np

from checker.history import INFO, PENDING, Column, History, Tables

NAMES = {
    "queue": ("enqueue", "dequeue"),
    "stack": ("push", "pop"),
    "priority-queue": ("insert", "delete-min"),
    "mutex": ("acquire", "release"),
}
PUTS = 0.52
"""Share of operations that put a value in, so that containers fill up slowly."""


def build_object(model: str, size: int, clients: int, crashed: int, fault: bool, seed: int = 1) -> History:
    """Operations at points 1 µs apart, each called and returned at random around its point.

    `crashed` takes (or none of a lock's) have an unknown outcome, though they took place. The fault: two late takes
    return each other's values, both put in long before; or the lock is acquired where it had to be released.
    """
    call, ret = spread(size, clients, seed)
    puts, given, got = _lock(size, fault) if model == "mutex" else _container(model, size, Random(seed))
    if model == "mutex":  # many wait for it; who has it gives it back at once
        early, ret = spread(size, 0, seed)
        call = np.where(puts, call, early)
    elif fault:
        _swap(given, got, 2 * clients)
    chosen = np.flatnonzero(got)[:: max(1, np.count_nonzero(got) // max(1, crashed))][:crashed]
    status = np.zeros(size, dtype=np.int64)
    status[chosen], ret[chosen], got[chosen] = INFO, PENDING, 0
    tables = Tables()
    tables.value.codes(range(size))
    put, take = (tables.f.code(name) for name in NAMES[model])
    return by_call(tables, call=call, ret=ret, status=status, f=np.where(puts, put, take), input=given, output=got)


def spread(size: int, clients: int, seed: int) -> tuple[Column, Column]:
    """Calls and returns at random around points 1 µs apart, so that so many operations overlap; 0: only neighbours."""
    numbers = np.random.default_rng(seed)
    point = np.arange(size, dtype=np.int64) * 1000 + 1_000_000_000
    half = clients * 500 or 300
    return point - numbers.integers(1, half, size), point + numbers.integers(1, half, size)


def by_call(tables: Tables, *, call: Column, **columns: Column) -> History:
    """The history of these columns, sorted by call: of one process, and on one key unless `key` is among them."""
    order = np.argsort(call, kind="stable")
    zeros = np.zeros(len(call), dtype=np.int64)
    tables.process.codes(range(1))
    same = {"index": np.arange(len(call)), "process": zeros + 1, "key": zeros, "node": zeros, "error": zeros}
    return History(tables, **same | {name: column[order] for name, column in {"call": call, **columns}.items()})


def _lock(size: int, fault: bool) -> tuple[Any, Column, Column]:
    """By turns."""
    puts = np.arange(size) % 2 == 0
    puts[size - size // 100 | 1] |= fault
    return puts, np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)


def _container(model: str, size: int, rng: Random) -> tuple[Any, Column, Column]:
    """Which operations put a value in; the codes of what they put in, and of what the others took out."""
    values = list(range(1, size + 1))
    rng.shuffle(values)
    heap: list[int] = []
    line: deque[int] = deque()
    given, got = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    puts = np.array([rng.random() < PUTS for _ in range(size)])
    for i in range(size):
        if puts[i]:
            given[i] = values[i]
            heapq.heappush(heap, values[i]) if model == "priority-queue" else line.append(values[i])
        elif model == "priority-queue":
            got[i] = heapq.heappop(heap) if heap else 0
        elif line:
            got[i] = line.popleft() if model == "queue" else line.pop()
    return puts, given, got


def _swap(given: Column, got: Column, apart: int) -> None:
    """Two of the latest takes that are so far apart, as are the puts of what they took, and before both of them."""
    born = np.zeros(len(given) + 1, dtype=np.int64)
    born[given] = np.arange(len(given))
    takes = np.flatnonzero(got)[-1000:].tolist()
    for other in reversed(takes):
        for one in takes:
            first, second = born[got[one]], born[got[other]]
            if one < other - apart and max(first, second) < one - apart and abs(first - second) > apart:
                got[one], got[other] = got[other], got[one]
                return
    raise ValueError("no two takes are far enough apart")
