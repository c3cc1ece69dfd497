"""Random register histories: small ones, legal, mutated and arbitrary; and one with few values and many crashes."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import structs

from checker.history import PENDING, History, Operation


def random_register(
    rng: Random, size: int = 6, *, cas: bool = True, refused: bool = True, unique: bool = True, late: float = 0.2
) -> list[Operation]:
    """A history of at most `size` operations: run atomically at points inside their intervals, then sometimes spoilt.

    Times are few and small, so that many are equal. With probability `late` an operation stays pending.
    """
    count = rng.randint(1, size)
    horizon = rng.choice((3, 6, 12, 24, 48))
    width = rng.choice((2, 6, horizon))
    drafts: list[tuple[int, int, float]] = []
    for _ in range(count):
        call, ret = _interval(rng, horizon, width)
        drafts.append((call, ret, rng.uniform(call, ret)))
    held: int | None = None
    fresh = 0
    done: list[tuple[int, int, bool, str, Any, Any]] = []
    op: tuple[str, Any, Any]
    for call, ret, _ in sorted(drafts, key=lambda draft: draft[2]):
        pending = rng.random() < late
        kind = rng.random()
        fresh += 1
        value: int | None = fresh if unique else rng.choice((None, 1, 2))
        happens = not pending or rng.random() < 0.5
        if kind < 0.4 or (kind < 0.45 and not pending):
            op = ("read", None, held)
        elif kind < 0.75 or not cas:
            op = ("delete", None, None) if value is None else ("write", value, None)
            held = value if happens else held
        else:
            source = held if rng.random() < 0.7 or not refused else rng.choice((None, *range(1, fresh + 1)))
            target = source if rng.random() < 0.1 else value
            op = ("cas", (source, target), source == held)
            held = target if happens and source == held else held
        done.append((call, ret, pending, *op))
    done.sort(key=lambda item: item[0])
    ops = []
    for i, (call, ret, pending, f, given, got) in enumerate(done):
        if pending:
            ops.append(Operation(i, i, f, None, given, None, call, PENDING, "info"))
        else:
            ops.append(Operation(i, i, f, None, given, got, call, ret))
    return _spoilt(rng, ops, horizon, fresh, cas) if rng.random() < 0.6 else ops


def _interval(rng: Random, horizon: int, width: int) -> tuple[int, int]:
    call = rng.randint(0, horizon)
    return call, rng.randint(call, min(horizon, call + width))


def _spoilt(rng: Random, ops: list[Operation], horizon: int, fresh: int, cas: bool) -> list[Operation]:
    """Changes what an operation returned, or when it ran."""
    spoilt = list(ops)
    written = [op.input if op.f == "write" else op.input[1] for op in ops if op.f in ("write", "cas")]
    values = [None, *written] if rng.random() < 0.9 else [fresh + 1]
    for _ in range(rng.randint(1, 2)):
        i = rng.randrange(len(spoilt))
        op = spoilt[i]
        changes: dict[str, Any]
        if op.f == "read" and rng.random() < 0.7:
            changes = {"output": rng.choice(values)}
        elif op.f == "cas" and rng.random() < 0.5 and cas:
            changes = {"input": (rng.choice(values), op.input[1])}
        else:
            call, ret = _interval(rng, horizon, horizon)
            changes = {"call": call, "ret": PENDING if op.pending else ret}
        spoilt[i] = structs.replace(op, **changes)
    spoilt.sort(key=lambda op: op.call)
    return [structs.replace(op, index=i) for i, op in enumerate(spoilt)]


def crowded_cas(seed: int, garbage: int | None) -> History:
    """A legal history of a cas register with few values and crashed clients; perhaps one late read returns garbage."""
    rng = Random(seed)
    count, clients = 1000, 5
    free = [0.0] * clients
    drawn = []
    for _ in range(count):
        client = free.index(min(free))
        call = free[client] + rng.uniform(0, 5)
        free[client] = ret = call + rng.uniform(1, 40)
        f = rng.choice(("read", "write", "cas"))
        given = None if f == "read" else rng.randrange(5) if f == "write" else (rng.randrange(5), rng.randrange(5))
        drawn.append((call, ret, f, given, rng.uniform(call, ret)))
    crashed = set(rng.sample([i for i in range(count // 2) if drawn[i][2] != "read"], 20))
    value: int | None = None
    output: dict[int, object] = {}
    for i in sorted(range(count), key=lambda i: drawn[i][4]):
        _, _, f, given, _ = drawn[i]
        output[i] = value if f == "read" else (value == given[0]) if isinstance(given, tuple) else None
        if not (i in crashed and rng.random() < 0.5) and (f == "write" or output[i] is True):
            value = given[1] if isinstance(given, tuple) else given
    last = max(i for i in range(count) if drawn[i][2] == "read")
    if garbage is not None:
        output[last] = garbage
    return History.of(
        Operation(
            i, i, f, None, given, None if i in crashed else output[i], int(1000 * call),
            PENDING if i in crashed else int(1000 * ret), "info" if i in crashed else "ok",
        )
        for i, (call, ret, f, given, _) in enumerate(drawn)
    )  # fmt: skip
