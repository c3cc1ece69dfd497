"""Histories of queues, stacks and priority queues, written by hand or long and random."""

from __future__ import annotations

from random import Random
from typing import Any

from checker.history import PENDING, History, Operation
from tests.checker.generate import AUTHORS

Row = tuple[str, Any, int, int | None]
TAKES = {"enqueue": "dequeue", "push": "pop", "insert": "delete-min"}
MODELS = {"enqueue": "queue", "push": "stack", "insert": "priority-queue"}


def container(put: str, *rows: Row) -> History:
    """(f, value put in or taken, call, ret or None where pending)."""
    ops = []
    for i, (f, value, call, ret) in enumerate(rows):
        given, got = (value, None) if f == put else (None, value)
        status = "info" if ret is None else "ok"
        ops.append(Operation(i, i, f, None, given, got, call, PENDING if ret is None else ret, status))  # type: ignore[arg-type]
    return History.of(ops)


def long_history(put: str, size: int, clients: int, seed: int, *, swap: bool = False) -> History:
    """A legal history of `size` operations, each called and returned at random around its instant.

    `swap`: two late takes, far apart, return each other's values, both of which had been put in long before.
    """
    rng = Random(f"{put} {size} {clients} {seed}")
    execute = AUTHORS[MODELS[put]].execute
    values = list(range(1, size + 1))
    rng.shuffle(values)
    state: tuple[Any, ...] = ()
    ops, born = [], {}
    for i in range(size):
        f, given = (put, values[i]) if rng.random() < 0.52 else (TAKES[put], None)
        state, got = execute(state, f, given)
        if given is not None:
            born[given] = i
        width = 5 * clients
        call, ret = 10 * i - rng.randint(0, width), 10 * i + rng.randint(0, width)
        ops.append([f, given, got, call, ret])
    if swap:
        takes = [i for i, op in enumerate(ops) if op[2] is not None]
        one, other = next(
            (one, other)
            for other in reversed(takes)
            for one in takes
            if one < other - 3 * clients
            and max(born[ops[one][2]], born[ops[other][2]]) < one - 3 * clients
            and abs(born[ops[one][2]] - born[ops[other][2]]) > 3 * clients
        )
        ops[one][2], ops[other][2] = ops[other][2], ops[one][2]
    return History.of(
        Operation(i, i, f, None, given, got, call, ret) for i, (f, given, got, call, ret) in enumerate(ops)
    )
