"""Long histories of what grows (counters, logs, lists, strings, sets, numbers), legal or with one late fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np

from checker.history import INFO, PENDING, History, Tables
from tests.benchmarks._objects import by_call, spread

PUTS = 0.5
"""Share of operations that put something in."""
KEY_OPERATIONS = 100
"""Lists and strings are read as a whole, so their history goes on with a new one after so many operations."""
SET_MAX = 1000
"""Elements that a set with removes holds at most."""
READS = 10
"""Reads of all elements of a set that only grows."""

Told = tuple[str, Any, Any, Any]
"""f, key, input, output."""


def build_grown(kind: str, size: int, clients: int, crashed: int, fault: bool, seed: int = 1) -> History:
    """Operations at points 1 µs apart, each called and returned at random around its point.

    `crashed` of those that put something in have an unknown outcome, though they took place. The fault: the fifth
    operation from the end answers what was true long before.
    """
    call, ret = spread(size, clients, seed)
    told = list(KINDS[kind](Random(seed), size, size - 5 if fault else -1))
    f, key, given, got = zip(*told, strict=True)
    tables = Tables()
    columns = {"f": tables.f.codes(f), "key": tables.key.codes(key)}
    columns |= {"input": tables.value.codes(given), "output": tables.value.codes(got)}
    puts = np.flatnonzero([name in ("add", "append") for name in f])
    chosen = puts[:: max(1, len(puts) // max(1, crashed))][:crashed]
    status = np.zeros(size, dtype=np.int64)
    status[chosen], ret[chosen], columns["output"][chosen] = INFO, PENDING, 0
    return by_call(tables, call=call, ret=ret, status=status, **columns)


def _counter(rng: Random, size: int, late: int) -> Iterator[Told]:
    count = 0
    for i in range(size):
        if i != late and rng.random() < PUTS:
            count += 1
            yield "add", None, 1, None
        else:
            yield "read", None, None, count - (size // 10 if i == late else 0)


def _log(rng: Random, size: int, late: int) -> Iterator[Told]:
    held: list[int] = []
    for i in range(size):
        if i != late and rng.random() < PUTS:
            yield "append", None, i, len(held)
            held.append(i)
        else:
            offset = len(held) // 2 if i == late else rng.randint(0, len(held))
            yield "read", None, offset, held[offset] if i != late and offset < len(held) else None


def _list(rng: Random, size: int, late: int) -> Iterator[Told]:
    held: tuple[int, ...] = ()
    old = held
    for i in range(size):
        number = i % KEY_OPERATIONS
        held = held if number else ()
        old = held if number == KEY_OPERATIONS // 3 else old
        if i != late and rng.random() < PUTS:
            held = (*held, i)
            yield "append", i // KEY_OPERATIONS, i, None
        else:
            yield "read", i // KEY_OPERATIONS, None, old if i == late else held


def _string(rng: Random, size: int, late: int) -> Iterator[Told]:
    """One put of twenty writes over all that was there."""
    held = old = ""
    for i in range(size):
        number = i % KEY_OPERATIONS
        held = held if number else ""
        old = held if number == KEY_OPERATIONS // 3 else old
        key = str(i // KEY_OPERATIONS)
        if i != late and rng.random() < PUTS:
            writes = rng.random() < 0.05
            held = f"({i})" if writes else f"{held}({i})"
            yield "write" if writes else "append", key, f"({i})", None
        else:
            yield "read", key, None, (old if i == late else held) or None


def _grow_only_set(rng: Random, size: int, late: int) -> Iterator[Told]:
    held: list[int] = []
    for i in range(size):
        if i != late and rng.random() < PUTS:
            held.append(i)
            yield "add", None, i, None
        elif i % (size // READS) == 0:
            yield "read", None, None, tuple(held)
        else:
            there = bool(held) and rng.random() < 0.8
            asked = held[0] if i == late else rng.choice(held) if there else size + i
            yield "contains", None, asked, there and i != late


def _set_with_removes(rng: Random, size: int, late: int) -> Iterator[Told]:
    """As many removes as adds; a hundred reads of all."""
    held: list[int] = []
    for i in range(size):
        if i != late and rng.random() < PUTS:
            if len(held) >= SET_MAX or (held and rng.random() < 0.4):
                at = rng.randrange(len(held))
                held[at], held[-1] = held[-1], held[at]
                yield "remove", None, held.pop(), None
            else:
                held.append(i)
                yield "add", None, i, None
        elif i != late and i % (size // 100) < 2:
            yield "read", None, None, tuple(held)
        else:
            there = bool(held) and rng.random() < 0.8
            asked = held[0] if i == late else rng.choice(held) if there else size + i
            yield "contains", None, asked, there and i != late


def _numbers(f: str) -> Callable[[Random, int, int], Iterator[Told]]:
    def numbers(rng: Random, size: int, late: int) -> Iterator[Told]:
        return ((f, None, None, size // 2 if i == late else i) for i in range(size))

    return numbers


KINDS: dict[str, Callable[[Random, int, int], Iterator[Told]]] = {
    "counter": _counter,
    "log": _log,
    "append-list": _list,
    "kv-append": _string,
    "set": _grow_only_set,
    "set with removes": _set_with_removes,
    "ids": _numbers("generate"),
    "generation": _numbers("next"),
}
