"""Scopes with a bound of delays: deep failures in few states, and what a delay is."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from naysayer.explore.delays import DelayedSearch
from naysayer.explore.found import Explored
from naysayer.explore.repeat import repeated
from naysayer.explore.scope import Scope, scope
from naysayer.explore.search import Search
from naysayer.explore.shorter import shortened
from targets.protocol.target import Target
from targets.registry import find
from tests.naysayer.explore.test_dumb import World


def explored(name: str, wanted: Scope, states: int = 60_000) -> Explored:
    target = find(name)
    return DelayedSearch(target.node, wanted, invariants=target.invariants).run(states)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "program", "budget", "delays"),
    [
        ("quorum-kv/timestamp-tie", "w@n1 | w@n2 | r@n3 r@n1", {}, 1),
        ("quorum-kv/timeout-is-fail", "w@n1 | r@n2 r@n3", {"timers": 6}, 1),
        ("paxos-kv/adopt-any-accepted", "w@n2 | w@n1 r@n3", {}, 2),
        ("generation-clock/unbounded-lease", "w@n1 | w@n2 r@n1", {"timers": 4}, 1),
        ("paxos-kv/accept-volatile", "w@n1 | r@n2 r@n3", {"crashes": 1}, 1),
    ],
)
def test_a_deep_failure_needs_few_delays(name: str, program: str, budget: dict[str, int], delays: int) -> None:
    """Over all schedules each of them takes more than 100,000 states; one delay less is not enough."""
    found = explored(name, scope(program, 3, **budget, delays=delays))
    assert found.failure is not None
    fewer = explored(name, scope(program, 3, **budget, delays=delays - 1))
    assert (fewer.failure, fewer.cut) == (None, None)


@pytest.mark.parametrize(
    ("name", "program", "fails"),
    [
        ("quorum-kv", "w@n1 | r@n2 r@n3", False),
        ("quorum-kv/no-read-repair", "w@n1 | r@n2 r@n3", True),
        ("quorum-kv/wall-clock-last-write-wins", "w@n2 w@n1", False),
        ("paxos-kv/local-read", "w@n1 | r@n2", True),
    ],
)
def test_with_enough_delays_it_finds_what_all_schedules_have(name: str, program: str, fails: bool) -> None:
    target = find(name)
    every = Search(target.node, scope(program, 3), invariants=target.invariants).run(60_000)
    delayed = explored(name, scope(program, 3, delays=4))
    assert (every.failure is not None, every.cut) == (delayed.failure is not None, delayed.cut) == (fails, None)


class Queue(World):
    """A cluster in which messages arrive in order, but for so many delays."""

    def __init__(self, target: Target, wanted: Scope) -> None:
        super().__init__(target, wanted)
        self.delays, self.held, self.isolated = wanted.delays or 0, list[Any](), ""

    def ways(self) -> list[tuple[Any, ...]]:
        """What may come next: whether it is a delay, and the choice."""
        begun = [(bool(self.under_way), one) for one in self.choices() if one[0] != "deliver"]
        found: list[tuple[Any, ...]] = [*begun, *[(False, ("late", at)) for at in range(len(self.held))]]
        if self.under_way:
            found += [(False, ("deliver", 0)), (True, ("hold",))]
            found += [(True, ("isolate", name)) for name in self.nodes if not self.isolated]
        elif self.isolated:
            found.append((False, ("isolate", "")))
        return [(late, choice) for late, choice in found if self.delays or not late]

    def go(self, late: bool, choice: tuple[Any, ...]) -> None:
        self.delays -= late
        match choice:
            case ("late", at):
                sender, to, message = self.held.pop(at)
                self.nodes[to].receive(sender, message)
            case ("hold",):
                self.held.append(self.under_way.pop(0))
            case ("isolate", name):
                self.isolated = name
            case _:
                self.take(choice)
        self.under_way = [one for one in self.under_way if self.isolated not in one[:2]]


def first_failure(target: Target, wanted: Scope, moves_max: int) -> int | None:
    """After how many moves, delays included, the first failure comes, by all sequences of moves."""
    paths: list[list[int]] = [[]]
    for moves in range(1, moves_max + 1):
        longer = []
        for path in paths:
            for at in count():
                world = Queue(target, wanted)
                for chosen in path:
                    world.go(*world.ways()[chosen])
                ways = world.ways()
                if at >= len(ways):
                    break
                world.go(*ways[at])
                if world.violated():
                    return moves
                longer.append([*path, at])
        paths = longer
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "program", "delays", "moves_max", "moves"),
    [
        ("quorum-kv/read-one", "w@n1 | r@n2", 0, 12, None),
        ("quorum-kv/read-one", "w@n1 | r@n2", 1, 8, 7),
        ("quorum-kv/sub-majority", "w@n1 | r@n2", 1, 4, 2),
        ("paxos-kv/local-read", "w@n1 | r@n2", 1, 8, 8),
    ],
)
def test_a_search_that_remembers_nothing_finds_it_after_as_many_moves(
    name: str, program: str, delays: int, moves_max: int, moves: int | None
) -> None:
    wanted = scope(program, 3, delays=delays)
    found = DelayedSearch(find(name).node, wanted).run(60_000)
    assert (found.depth if found.failure else None) == moves
    assert first_failure(find(name), wanted, moves_max) == moves


def test_no_step_can_be_left_out_and_the_simulator_repeats_it() -> None:
    target, wanted = find("quorum-kv/no-read-repair"), scope("w@n1 | r@n2 r@n3", 3, delays=2)
    search = DelayedSearch(target.node, wanted)
    failure = search.run(10_000).failure
    assert failure is not None
    shorter = shortened(search.locals, search.outside, 3, failure, 0)
    assert (len(failure.actions), len(shorter.actions)) == (11, 9)  # as over all schedules
    assert repeated(target, wanted, search.locals, shorter) is not None
