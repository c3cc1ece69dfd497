"""Random small executions of transactions, legal and not: steps interleaved, reads stale or wrong at times."""

from __future__ import annotations

from random import Random
from typing import Any

from checker.history import PENDING, Operation, Status

Steps = list[list[Any]]


def instants(random: Random, transactions: int, clients: int) -> list[tuple[int, int, int, int, int]]:
    """When each transaction of clients at the same time is carried out, in this order: that instant, its number, its
    client, its call and its return."""
    free, plans = [0] * clients, []
    for number in range(transactions):
        client = min(range(clients), key=lambda one: free[one])
        call = free[client] + random.randint(1, 20)
        at = call + random.randint(1, 200)
        free[client] = at + random.randint(1, 200)
        plans.append((at, number, client, call, free[client]))
    return sorted(plans)


def execution(random: Random, write: str, transactions: int) -> list[Operation]:
    """Transactions of two or three sessions over two or three keys; some failed, some without an answer."""
    keys = "xyz"[: random.choice((1, 2, 2, 3, 3))]
    steps_max = random.choice((2, 4))
    mode = random.choice(("serial", "interleaved", "snapshots", "replicas"))
    plans: list[Steps] = []
    for number in range(transactions):
        steps: Steps = []
        shape = random.choice((("w",), ("r", "w"), ("r", "r"))) if mode == "replicas" else ()
        for place in range(len(shape) or random.randint(1, steps_max)):
            writes = shape[place] == "w" if shape else random.random() < 0.5
            value = random.randint(1, 3) if write == "inc" else 10 * number + place + 1
            steps.append([write if writes else "r", random.choice(keys), value if writes else None])
        plans.append(steps)
    turns = [i for i, steps in enumerate(plans) for _ in steps]
    if mode in ("interleaved", "snapshots"):
        random.shuffle(turns)
    _run(random, plans, turns, write, mode)
    return _timed(random, plans, again=random.random() < 0.1)


def _run(random: Random, plans: list[Steps], turns: list[int], write: str, mode: str) -> None:
    states: list[dict[str, Any]] = [{}]
    left = [iter(steps) for steps in plans]
    begun: dict[int, dict[str, Any]] = {}
    own: dict[int, list[tuple[str, Any]]] = {}
    noise = random.choice((0.0, 0.1))
    for turn in turns:
        f, key, value = step = next(left[turn])
        mine = own.setdefault(turn, [])
        now = begun.setdefault(turn, states[-1]) if mode == "snapshots" else states[-1]
        if mode == "replicas":
            now = random.choice(states[-4:])
        if f == "r":
            seen = random.choice(states) if random.random() < noise else now
            for of, given in mine if mode != "interleaved" else ():
                if of == key and not (write in ("append", "add") and given in seen.get(key, [])):
                    seen = {**seen, key: _after(write, seen.get(key), given)}
            found: Any = seen.get(key, [] if write in ("append", "add") else None)
            step[2] = random.sample(found, len(found)) if write == "add" else found
        else:
            states.append({**states[-1], key: _after(write, states[-1].get(key), value)})
            mine.append((key, value))


def _after(write: str, old: Any, value: Any) -> Any:
    """What a key holds after a write."""
    if write == "inc":
        return (old or 0) + value
    return [*(old or ()), value] if write in ("append", "add") else value


def _timed(random: Random, plans: list[Steps], *, again: bool) -> list[Operation]:
    """Transactions of a few sessions, in the order in which they began; `again`: the first one failed before."""
    free = [0] * random.randint(1, 3)
    wide = random.choice((5, 40))
    ops = []
    if again:
        plans = [plans[0], *plans]
    for index, steps in enumerate(plans):
        process = random.randrange(len(free))
        call = free[process] + random.randint(1, 10)
        ret = call + random.randint(1, wide)
        free[process] = ret
        status: Status = random.choices(("ok", "info", "fail"), (9, 1.2, 0.4))[0]
        if again and not index:
            status = "fail"
        asked = [[f, key, None if f == "r" else value] for f, key, value in steps]
        output = steps if status == "ok" else None
        ops.append(
            Operation(index, process, "txn", None, asked, output, call, PENDING if status == "info" else ret, status)
        )
        if status == "info":
            free[process] = ret + 1
    ordered = sorted(ops, key=lambda op: op.call)
    return [Operation(i, *(getattr(op, n) for n in op.__struct_fields__[1:])) for i, op in enumerate(ordered)]
