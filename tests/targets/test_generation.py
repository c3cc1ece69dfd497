"""The generation clock: what it must hold under every fault, and what each broken variant is caught at."""

from __future__ import annotations

import pytest

from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Hold, Release
from targets.protocol.node import Reply, Request
from targets.systems.executed_once import RECENT_MAX
from targets.systems.generation import CLOCK
from tests.targets.simulated import assert_caught, assert_healthy, with_its_faults

SEEDS = 150


@pytest.mark.slow
def test_generations_grow_under_every_fault() -> None:
    for seed in range(15):
        assert_healthy("generation-clock", seed, workload="generation", repeated=seed % 2 == 0)


def test_a_write_is_refused_once_a_newer_generation_was_handed_out() -> None:
    answers: list[Reply | None] = []
    cluster = SimulatedCluster(CLOCK, 3, seed=1)
    cluster.start()

    def ask(id: str, node: str, f: str, given: object = None) -> Reply:
        cluster.invoke(Request(id, "c0", f, "x", given), node, 1000.0, answers.append)
        cluster.run(until=lambda: len(answers) == int(id))
        reply = answers[-1]
        assert reply is not None
        return reply

    first = ask("1", "n1", "next").output
    assert ask("2", "n1", "fenced-write", (first, 10)).status == "ok"
    assert ask("3", "n2", "fenced-write", (first, 11)).status == "fail", "another node owns it"
    second = ask("4", "n2", "next").output
    assert second > first
    leaders = {node: view["term"] for node, view in cluster.views().items() if view["role"] == "leader"}
    assert leaders["n2"] == second == max(leaders.values()), (
        "schedules and scenarios find the newest leader by its term"
    )
    assert ask("5", "n1", "fenced-write", (first, 12)).status == "fail"
    assert ask("6", "n2", "fenced-write", (second, 13)).status == "ok"
    assert ask("7", "n3", "read").output == 13


def test_a_write_that_comes_to_its_owner_after_many_others_does_not_count_once_more() -> None:
    answers: dict[str, Reply | None] = {}
    cluster = SimulatedCluster(CLOCK, 3, seed=1)
    cluster.start()

    def ask(id: str, node: str, f: str, given: object = None) -> Reply:
        cluster.invoke(Request(id, "c0", f, "x", given), node, 2000.0, lambda reply: answers.update({id: reply}))
        cluster.run(until=lambda: id in answers)
        reply = answers[id]
        assert reply is not None
        return reply

    ask("first", "n1", "next")
    cluster.run(until_ms=cluster.now_ms + 20)
    cluster.apply(Hold(("n2", "n1"), 1, "Forward"))
    held = ask("held", "n2", "write", -1)
    ask("second", "n1", "next")
    for number in range(RECENT_MAX + 1):
        assert ask(f"w{number}", "n1", "write", number).status == "ok"
    cluster.apply(Release())
    cluster.run(until_ms=cluster.now_ms + 50)
    assert (held.status, ask("read", "n1", "read").output) == ("info", -1), "it counts now, and did not before"


@pytest.mark.slow
@pytest.mark.parametrize("workload", ["register", "fenced-register"])
def test_fenced_writes_are_linearizable_under_every_fault(workload: str) -> None:
    for seed in range(15):
        assert_healthy("generation-clock", seed, workload=workload, repeated=seed % 2 == 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["generation-volatile", "reply-before-durable", "equal-without-voted-for", "late-vote-counts"]
)
def test_clients_see_a_generation_given_twice_or_out_of_order(name: str) -> None:
    assert_caught(with_its_faults(f"generation-clock/{name}", seed, "generation") for seed in range(SEEDS))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no-fencing", "unbounded-lease"])
def test_the_checker_catches(name: str) -> None:
    assert_caught(with_its_faults(f"generation-clock/{name}", seed, "register") for seed in range(SEEDS))
