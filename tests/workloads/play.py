"""Plays a workload's generator against a little honest system: no driver, no time, one operation after another."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from checker.history import PENDING, Operation, Status
from workloads.generator import Generator, Invocation, Turn, Wait

Answer = Callable[[Invocation, int], tuple[Status, Any]]
"""What the system says to an invocation of a client."""


def silent(invocation: Invocation, client: int) -> tuple[Status, Any]:
    return "ok", None


def play(
    generator: Generator, operations: int, *, seed: int = 1, clients: int = 5, answer: Answer = silent
) -> tuple[list[Operation], Generator]:
    """What was invoked, in order, and the generator after it; ends early when all clients have run dry."""
    random = Random(seed)
    processes = list(range(clients))
    played: list[Operation] = []
    dry: set[int] = set()
    turns = 0
    while len(played) < operations and len(dry) < clients:
        client = turns % clients
        turns += 1
        asked, generator = generator.next(Turn(float(turns), client, clients, random))
        if asked is None:
            dry.add(client)
        if not isinstance(asked, Invocation):
            assert asked is None or isinstance(asked, Wait)
            assert turns < 10 * operations + 100, "nothing but waiting"
            continue
        status, output = answer(asked, client)
        index = len(played)
        ret = PENDING if status == "info" else 2 * index + 1
        operation = Operation(
            index, processes[client], asked.f, asked.key, asked.input, output, 2 * index, ret, status, asked.node
        )
        if status == "info":
            processes[client] += clients
        played.append(operation)
        generator = generator.observe(operation)
    return played, generator


class Registers:
    """An honest key-value store, which loses some answers."""

    def __init__(self, seed: int = 1, lost: float = 0.1) -> None:
        self.values: dict[Any, Any] = {}
        self.random = Random(seed)
        self.lost = lost

    def __call__(self, invocation: Invocation, client: int) -> tuple[Status, Any]:
        output = self.do(invocation)
        return ("info", None) if self.random.random() < self.lost else ("ok", output)

    def do(self, invocation: Invocation) -> Any:
        key, given = invocation.key, invocation.input
        match invocation.f:
            case "read":
                return self.values.get(key)
            case "write":
                self.values[key] = given
            case "delete":
                self.values.pop(key, None)
            case "append":
                before = self.values.get(key)
                self.values[key] = (before or "") + given if isinstance(given, str) else (*(before or ()), given)
            case "cas":
                if self.values.get(key) != given[0]:
                    return False
                self.values[key] = given[1]
                return True
        return None
