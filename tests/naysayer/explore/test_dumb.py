"""A second explorer, which remembers nothing and merges nothing, finds failures of the same length."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

import pytest

from checker import History, check
from checker.history import Operation
from naysayer.explore.scope import Scope, scope
from naysayer.explore.search import Search
from targets.backends.simulator.disk import SimulatedDisk
from targets.protocol.node import Message, Request, Timer
from targets.protocol.target import Target
from targets.registry import find


class World:
    """A cluster after some actions, run from its start, and what its clients saw."""

    def __init__(self, target: Target, wanted: Scope) -> None:
        self.wanted, self.timers_left = wanted, wanted.timers
        self.under_way: list[tuple[str, str, Message]] = []
        self.seen: dict[str, dict[str, Any]] = {}
        self.time = 0
        self.around = {name: Around(self, name) for name in wanted.names}
        self.nodes = {name: target.node() for name in wanted.names}
        for name, node in self.nodes.items():
            node.start(self.around[name])

    def choices(self) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = [("deliver", at) for at in range(len(self.under_way))]
        for client, row in enumerate(self.wanted.program):
            begun = [one for one in row if one.operation.id in self.seen]
            if len(begun) < len(row) and all("status" in self.seen[one.operation.id] for one in begun):
                asked = row[len(begun)]
                found += [("ask", client, asked, name) for name in self.nodes if asked.node in (None, name)]
        if self.timers_left:
            found += [("fire", name, timer) for name, around in self.around.items() for timer in around.timers]
        return found

    def take(self, choice: tuple[Any, ...]) -> None:
        self.time += 1
        match choice:
            case ("deliver", at):
                sender, to, message = self.under_way.pop(at)
                self.nodes[to].receive(sender, message)
            case ("ask", client, asked, name):
                operation = asked.operation
                self.seen[operation.id] = {"f": operation.f, "input": operation.value, "call": 2 * self.time}
                request = Request(operation.id, f"c{client}", operation.f, "x", operation.value)
                self.nodes[name].receive(request.client, request)
            case ("fire", name, timer):
                self.timers_left -= 1
                self.around[name].timers.remove(timer)
                self.nodes[name].timeout(timer)

    def violated(self) -> bool:
        rows = [Operation(at, at, **{"status": "info", **row}) for at, row in enumerate(self.seen.values())]
        return bool(rows) and check(History.of(rows), "register").outcome == "invalid"


class Around:
    """The Context of a node."""

    def __init__(self, world: World, me: str) -> None:
        self._world, self.me, self.nodes = world, me, world.wanted.names
        self.disk, self.random = SimulatedDisk(), Random(me)
        self.timers: list[Timer] = []

    def now_ms(self) -> float:
        raise AssertionError

    def send(self, to: str, message: Message) -> None:
        self._world.under_way.append((self.me, to, message))

    def reply(self, request: Request, output: Any = None) -> None:
        self._world.seen[request.id] |= {"status": "ok", "output": output, "ret": 2 * self._world.time + 1}

    def fail(self, request: Request, error: str, leader: str | None = None) -> None:
        self._world.seen[request.id] |= {"status": "fail", "ret": 2 * self._world.time + 1}

    def info(self, request: Request, error: str) -> None:
        self._world.seen[request.id] |= {"status": "info"}

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        if timer not in self.timers:
            self.timers.append(timer)

    def cancel_timer(self, timer: Timer) -> None:
        if timer in self.timers:
            self.timers.remove(timer)


def shortest(target: Target, wanted: Scope, steps_max: int) -> int | None:
    """The length of the shortest failure, by all sequences of actions."""
    paths: list[list[int]] = [[]]
    for steps in count(1):
        if steps > steps_max:
            return None
        longer = []
        for path in paths:
            for at in count():
                world = World(target, wanted)
                for chosen in path:
                    world.take(world.choices()[chosen])
                choices = world.choices()
                if at == len(choices):
                    break
                world.take(choices[at])
                if world.violated():
                    return steps
                longer.append([*path, at])
        paths = longer
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "program", "steps_max", "length"),
    [
        ("quorum-kv/sub-majority", "w@n1 | r@n2", 4, 2),
        ("quorum-kv/read-one", "w@n1 | r@n2", 6, 6),
        ("paxos-kv/local-read", "w@n1 | r@n2", 6, 6),
        ("wal-kv", "w | r r", 5, None),
        ("quorum-kv", "w@n1 | r@n2", 4, None),
    ],
)
def test_both_find_failures_of_the_same_length(name: str, program: str, steps_max: int, length: int | None) -> None:
    target = find(name)
    wanted = scope(program, target.nodes, timers=int(name == "wal-kv"))
    found = Search(target.node, wanted).run(10_000)
    assert (None if found.failure is None else len(found.failure.actions)) == length
    assert shortest(target, wanted, steps_max) == length
