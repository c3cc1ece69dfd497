"""Small random histories of locks: tokens or none, named by releases or not; legal, mutated, arbitrary."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import structs

from checker.history import PENDING, Operation


def lock_history(rng: Random, style: str, size: int) -> list[Operation]:
    """Up to `size` operations, numbered in order of call; times may be negative or equal."""
    tokens, named = rng.random() < 0.6, rng.choice((0.0, 0.5, 1.0, 1.0))
    pending = rng.choice((0.0, 0.1, 0.3))
    horizon, start = rng.choice((size, 2 * size, 5 * size)), rng.choice((0, -size))
    instants = sorted(rng.randint(0, horizon) for _ in range(size))
    ops: list[Operation] = []
    token = 0
    for i, instant in enumerate(instants):
        acquires = i % 2 == 0 if style != "arbitrary" else rng.random() < 0.5
        if style == "arbitrary" and rng.random() < 0.5:
            token = rng.randint(0, 3)
        token += acquires * rng.choice((1, 1, 1, 2))
        early, late = (rng.randint(0, rng.choice((1, 3, horizon // 3 + 1))) for _ in range(2))
        call, ret = instant - early + start, instant + late + start
        known = token if tokens and not (acquires and rng.random() < 0.05) else None
        given = None if acquires or rng.random() >= named else known
        op = Operation(i, i, "acquire" if acquires else "release", None, given, None, call, ret)
        if rng.random() < pending:
            op = structs.replace(op, status="info", ret=PENDING)
        elif acquires:
            op = structs.replace(op, output=known)
        ops.append(op)
    for _ in range(rng.randint(1, 2) if style == "mutated" else 0):
        _mutate(rng, ops, token, horizon)
    if rng.random() < 0.1:
        call = rng.randint(0, horizon)
        ops.append(Operation(0, 0, "acquire", None, None, rng.choice((True, False)), call, call + 2))
    ops.sort(key=lambda op: op.call)
    return [structs.replace(op, index=i, process=i) for i, op in enumerate(ops)]


def _mutate(rng: Random, ops: list[Operation], greatest: int, horizon: int) -> None:
    if not ops:
        return
    i = rng.randrange(len(ops))
    token: Any = rng.randint(1, greatest + 1)
    match rng.randrange(4):
        case 0 if ops[i].f == "acquire" and not ops[i].pending and ops[i].output is not None:
            ops[i] = structs.replace(ops[i], output=token)
        case 0 if ops[i].input is not None:
            ops[i] = structs.replace(ops[i], input=token)
        case 1 if not ops[i].pending:
            call = rng.randint(0, horizon)
            ops[i] = structs.replace(ops[i], call=call, ret=call + rng.randint(0, 3))
        case 2:
            ops[i] = structs.replace(ops[i], status="info", output=None, ret=PENDING)
        case _:
            del ops[i]
