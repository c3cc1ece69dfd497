"""Random small executions of transactions, legal and not: steps interleaved, reads stale or wrong at times."""

from __future__ import annotations

from random import Random
from typing import Any

from checker.history import PENDING, Operation, Status

Steps = list[list[Any]]


def execution(random: Random, write: str, transactions: int) -> list[Operation]:
    """Transactions of two or three sessions over two or three keys; some failed, some without an answer."""
    keys = "xyz"[: random.choice((1, 2, 2, 3, 3))]
    plans: list[Steps] = []
    for number in range(transactions):
        steps: Steps = []
        for place in range(random.randint(1, 4)):
            writes = random.random() < 0.5
            steps.append([write if writes else "r", random.choice(keys), 10 * number + place + 1 if writes else None])
        plans.append(steps)
    turns = [i for i, steps in enumerate(plans) for _ in steps]
    mode = random.choice(("serial", "interleaved", "snapshots"))
    if mode != "serial":
        random.shuffle(turns)
    _run(random, plans, turns, write, snapshots=mode == "snapshots")
    return _timed(random, plans)


def _run(random: Random, plans: list[Steps], turns: list[int], write: str, *, snapshots: bool) -> None:
    states: list[dict[str, Any]] = [{}]
    left = [iter(steps) for steps in plans]
    begun: dict[int, dict[str, Any]] = {}
    own: dict[int, dict[str, Any]] = {}
    noise = random.choice((0.0, 0.1))
    for turn in turns:
        f, key, value = step = next(left[turn])
        mine = own.setdefault(turn, {})
        snapshot = begun.setdefault(turn, states[-1]) if snapshots else states[-1]
        if f == "r":
            seen = random.choice(states) if random.random() < noise else {**snapshot, **(mine if snapshots else {})}
            step[2] = list(seen.get(key, [])) if write == "append" else seen.get(key)
        else:
            old = states[-1].get(key, []) if write == "append" else None
            states.append({**states[-1], key: [*old, value] if old is not None else value})
            mine[key] = (
                [*snapshot.get(key, []), *mine.get(key, [])[len(snapshot.get(key, [])) :], value]
                if write == "append"
                else value
            )


def _timed(random: Random, plans: list[Steps]) -> list[Operation]:
    """Transactions of a few sessions, in the order in which they began."""
    free = [0] * random.randint(1, 3)
    wide = random.choice((5, 40))
    ops = []
    for index, steps in enumerate(plans):
        process = random.randrange(len(free))
        call = free[process] + random.randint(1, 10)
        ret = call + random.randint(1, wide)
        free[process] = ret
        status: Status = random.choices(("ok", "info", "fail"), (9, 1.2, 0.4))[0]
        asked = [[f, key, None if f == "r" else value] for f, key, value in steps]
        output = steps if status == "ok" else None
        ops.append(
            Operation(index, process, "txn", None, asked, output, call, PENDING if status == "info" else ret, status)
        )
        if status == "info":
            free[process] = ret + 1
    ordered = sorted(ops, key=lambda op: op.call)
    return [Operation(i, *(getattr(op, n) for n in op.__struct_fields__[1:])) for i, op in enumerate(ordered)]
