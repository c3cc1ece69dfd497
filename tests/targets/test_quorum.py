"""The quorum store: what it must hold under every fault, and what each broken variant is caught at.

Random operations and random faults of the kinds that a variant names; nothing is aimed at one of them. The healthy
twin runs under the same seeds, operations and faults, up to the seed that catches the variant.
"""

from __future__ import annotations

import pytest

from checker import check
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Kill, Restart
from targets.protocol.node import NodeId, Reply, Request
from targets.protocol.target import Target
from targets.systems.quorum import HEALTHY, TARGETS
from targets.systems.quorum.replica import SNAPSHOT_RECORDS
from tests.targets.simulated import assert_caught, assert_healthy, drawn, simulate

NAMED = {target.name.rpartition("/")[2]: target for target in TARGETS}
SEEDS = 150

CAUGHT = (
    "no-read-repair",
    "async-read-repair",
    "wall-clock-last-write-wins",
    "timestamp-tie",
    "local-counter-version",
    "sub-majority",
    "read-one",
    "timeout-is-fail",
    "memory-only",
)


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5])
def test_it_is_linearizable_under_every_fault(nodes: int) -> None:
    for seed in range(10):
        assert_healthy("quorum-kv", seed, nodes=nodes, repeated=seed % 2 == 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", CAUGHT)
def test_the_checker_catches(name: str) -> None:
    plans = (drawn(f"quorum-kv/{name}", seed, workload="write-few-read-many") for seed in range(SEEDS))
    assert_caught(plans, with_twin=True)


@pytest.mark.slow
def test_the_checker_catches_a_cas_that_is_a_read_and_a_write() -> None:
    plans = (drawn("quorum-kv/client-side-cas", seed, workload="cas-register") for seed in range(SEEDS))
    assert_caught(plans)


def test_every_broken_variant_is_tested() -> None:
    assert set(NAMED) == {"quorum-kv", *CAUGHT, "client-side-cas"}


def test_the_invariant_sees_what_a_memory_only_replica_forgot() -> None:
    cluster = Script(NAMED["memory-only"])
    cluster.ask("n1", "write", 1)
    cluster.ask("n2", "read")
    cluster.crash(("n2",))
    assert any("n2 confirmed version 1.n1" in sentence for sentence in cluster.violations)


class Script(SimulatedCluster):
    """Three nodes, driven by one operation at a time on one key."""

    def __init__(self, target: Target, seed: int = 1) -> None:
        super().__init__(target, 3, seed)
        self.start()
        self.asked = 0

    def ask(self, node: NodeId, f: str, given: object = None) -> Reply | None:
        self.asked += 1
        replies: list[Reply | None] = []
        self.invoke(Request(f"o{self.asked}", "c0", f, "x", given), node, 1000.0, replies.append)
        self.run(until=lambda: bool(replies))
        return replies[0]

    def read(self, node: NodeId) -> object:
        reply = self.ask(node, "read")
        assert reply is not None
        assert reply.status == "ok"
        return reply.output

    def crash(self, nodes: tuple[NodeId, ...]) -> None:
        """Power loss of these nodes all at once, then a restart."""
        self.apply(Kill(nodes, power=True, torn=True))
        self.apply(Restart(nodes))
        self.run(until_ms=self.now_ms + 100)


def test_what_was_acknowledged_survives_a_power_loss_of_all_replicas() -> None:
    for seed in range(20):
        cluster = Script(HEALTHY, seed)
        for value in range(5):
            assert cluster.ask("n1", "write", value) is not None
        cluster.crash(cluster.nodes)
        assert cluster.read("n3") == 4


def test_recovery_from_a_snapshot_gives_the_same_state_and_goes_on() -> None:
    cluster = Script(HEALTHY)
    for value in range(SNAPSHOT_RECORDS + 10):
        cluster.ask("n1", "write", value)
    cluster.crash(cluster.nodes)
    assert cluster.read("n2") == SNAPSHOT_RECORDS + 9
    cluster.ask("n3", "write", "after")
    cluster.crash(cluster.nodes)
    assert cluster.read("n1") == "after"


def test_a_minority_that_is_down_stops_nobody_and_a_majority_that_is_down_stops_everybody() -> None:
    cluster = Script(HEALTHY)
    cluster.ask("n1", "write", 1)
    cluster.apply(Kill(("n3",)))
    assert cluster.read("n1") == 1
    cluster.apply(Kill(("n2",)))
    reply = cluster.ask("n1", "read")
    assert reply is None or reply.status == "fail"


def test_an_operation_that_is_not_offered_certainly_did_not_happen() -> None:
    reply = Script(HEALTHY).ask("n1", "cas", (None, 1))
    assert reply is not None
    assert (reply.status, reply.error) == ("fail", "this store offers read, write, not cas")


def test_a_request_that_comes_twice_is_executed_once_also_after_a_crash() -> None:
    cluster = Script(HEALTHY)
    first = Request("same", "c9", "write", "x", "first")
    replies: list[Reply | None] = []
    cluster.invoke(first, "n1", 1000.0, replies.append)
    cluster.run(until=lambda: bool(replies))
    cluster.ask("n2", "write", "second")
    for _ in range(2):
        cluster.invoke(first, "n1", 1000.0, replies.append)
        cluster.run(until=lambda: len(replies) > 1)
        assert cluster.read("n3") == "second"
        cluster.crash(("n1",))


@pytest.mark.slow
def test_the_course_story_alice_reads_the_new_value_and_bob_then_the_old_one() -> None:
    """What the seeds of no-read-repair find is what the checker names: new, then old."""
    for seed in range(SEEDS):
        plan = drawn("quorum-kv/no-read-repair", seed, workload="write-few-read-many")
        verdict = check(simulate(plan).recorder.history(), "register")
        if verdict.outcome == "invalid":
            assert verdict.worst is not None
            assert verdict.worst.explanation is not None
            if verdict.worst.explanation.kind == "non-monotonic-read":
                return
    pytest.fail("no seed showed it")
