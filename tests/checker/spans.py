"""When the operations of some clients ran, each client one after another."""

from __future__ import annotations

from random import Random


def spans(rng: Random, count: int, clients: int) -> list[tuple[int, int, int]]:
    """(client, call, return) of so many operations, in an order in which they may have taken effect."""
    free, found = [0.0] * clients, []
    for _ in range(count):
        client = min(range(clients), key=free.__getitem__)
        call, ret = free[client], free[client] + 0.5 + rng.expovariate(1) * 10
        free[client] = ret + rng.expovariate(1) * 3
        found.append((rng.uniform(call, ret), client, int(call * 1000), int(ret * 1000)))
    return [span[1:] for span in sorted(found)]
