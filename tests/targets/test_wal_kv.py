"""The store on one node: what it promises, and that random runs catch every broken variant but never it."""

from __future__ import annotations

import pytest

from naysayer.judge import judge_run
from naysayer.options import RunOptions
from naysayer.plan import make_plan
from naysayer.recorder import Recorder
from naysayer.simulate import Simulation
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Kill, Restart
from targets.protocol.node import Reply, Request
from targets.systems.wal import HEALTHY, TARGETS
from workloads.registry import find

SEEDS_MAX = 150
OPERATIONS = 120
ALL_FAULTS = ("kill", "power", "torn", "pause", "clock", "fsync-error", "disk-full")


class Client:
    """One client of one server."""

    def __init__(self) -> None:
        self.cluster = SimulatedCluster(HEALTHY, 1, 1)
        self.cluster.start()
        self.asked = 0

    def ask(self, f: str, given: object = None, name: str = "") -> Reply:
        self.asked += 1
        got: list[Reply | None] = []
        self.cluster.invoke(Request(name or f"r{self.asked}", "c0", f, "x", given), "n1", 500.0, got.append)
        self.cluster.run(until=lambda: bool(got))
        assert got[0] is not None
        return got[0]

    def restart(self) -> None:
        self.cluster.apply(Kill(("n1",), power=True))
        self.cluster.apply(Restart(("n1",)))


def test_every_operation_does_what_its_name_says() -> None:
    client = Client()
    assert client.ask("read").output is None
    assert client.ask("append", "(1)").status == "ok"
    assert client.ask("append", "(2)").status == "ok"
    assert client.ask("read").output == "(1)(2)"
    assert client.ask("cas", ("(1)", "no")).output is False
    assert client.ask("cas", ("(1)(2)", "yes")).output is True
    assert client.ask("read").output == "yes"
    assert client.ask("delete").status == "ok"
    assert client.ask("read").output is None
    assert client.ask("write", 7).status == "ok"
    assert client.ask("read").output == 7
    assert client.ask("append", "text").status == "fail"
    assert client.ask("cas", 7).status == "fail"
    assert client.ask("dance").status == "fail"
    assert client.ask("read").output == 7


def test_all_that_was_acknowledged_is_there_after_many_power_losses() -> None:
    client = Client()
    text = ""
    for number in range(200):
        text += f"({number})"
        assert client.ask("append", f"({number})").status == "ok"
        if number % 23 == 0:
            client.restart()
            assert client.ask("read").output == text
    view = client.cluster.views()["n1"]
    assert view["snapshot"] > 0, "no snapshot was ever taken: the test proves less than it says"
    assert client.cluster.violations == []


def test_a_request_that_comes_again_is_executed_once_also_after_a_restart() -> None:
    client = Client()
    assert client.ask("cas", (None, "(1)"), "once").output is True
    assert client.ask("append", "(2)", "twice").status == "ok"
    assert client.ask("append", "(2)", "twice").status == "ok"
    client.restart()
    assert client.ask("append", "(2)", "twice").status == "ok"
    assert client.ask("cas", (None, "(1)"), "once").output is True
    assert client.ask("read").output == "(1)(2)"


def outcome(target: str, seed: int, nemesis: tuple[str, ...] | None = None, workload: str | None = None) -> str:
    plan = make_plan(RunOptions(target=target, seed=seed, operations=OPERATIONS, nemesis=nemesis, workload=workload))
    run = Simulation(plan, Recorder()).run()
    assert run.error is None, run.error
    return judge_run(run, find(plan.workload).model).outcome


@pytest.mark.slow
@pytest.mark.parametrize("workload", HEALTHY.workloads)
def test_the_healthy_store_is_never_accused(workload: str) -> None:
    for seed in range(15 if workload == "kv-append" else 40):
        assert outcome("wal-kv", seed, ALL_FAULTS, workload) != "invalid", f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("name", [target.name for target in TARGETS if target.broken is not None])
def test_every_broken_variant_is_caught(name: str) -> None:
    if not any(outcome(name, seed) == "invalid" for seed in range(SEEDS_MAX)):
        pytest.fail(f"{name} survived {SEEDS_MAX} seeds")
