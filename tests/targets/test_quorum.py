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
from tests.targets.storm import EVERYTHING, Storm

NAMED = {target.name.rpartition("/")[2]: target for target in TARGETS}
SEEDS_MAX = 120

CAUGHT = {
    "no-read-repair": ("delay", "loss"),
    "async-read-repair": ("delay", "pause"),
    "wall-clock-last-write-wins": ("skew",),
    "timestamp-tie": ("delay",),
    "local-counter-version": (),
    "sub-majority": ("isolate",),
    "read-one": ("isolate",),
    "timeout-is-fail": ("isolate",),
    "memory-only": ("kill",),
}


def storm(
    target: Target, seed: int, faults: tuple[str, ...], mix: tuple[str, ...] = ("read", "read", "write")
) -> Storm:
    return Storm(target, seed, mix, faults, calm=False, keys=1, clients=8, operations=200, pause_ms=2.0)


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5])
def test_it_is_linearizable_under_every_fault(nodes: int) -> None:
    for seed in range(10):
        run = Storm(HEALTHY, seed, ("read", "write"), EVERYTHING, nodes=nodes)
        assert run.verify("register") == "valid", f"seed {seed}"
        assert run.cluster.violations == [], f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("name", CAUGHT)
def test_the_checker_catches(name: str) -> None:
    for seed in range(SEEDS_MAX):
        caught = storm(NAMED[name], seed, CAUGHT[name]).verify("register") == "invalid"
        healthy = storm(HEALTHY, seed, CAUGHT[name])
        assert healthy.verify("register") == "valid", f"the healthy twin is accused, seed {seed}"
        assert healthy.cluster.violations == [], f"seed {seed}"
        if caught:
            return
    pytest.fail(f"{name} survived {SEEDS_MAX} seeds")


def test_the_checker_catches_a_cas_that_is_a_read_and_a_write() -> None:
    for seed in range(SEEDS_MAX):
        if storm(NAMED["client-side-cas"], seed, (), ("read", "write", "cas")).verify("cas-register") == "invalid":
            return
    pytest.fail(f"client-side-cas survived {SEEDS_MAX} seeds")


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
    kinds = set()
    for seed in range(SEEDS_MAX):
        verdict = check(storm(NAMED["no-read-repair"], seed, ("delay", "loss")).run(), "register")
        if verdict.outcome == "invalid":
            assert verdict.worst is not None
            assert verdict.worst.explanation is not None
            kinds.add(verdict.worst.explanation.kind)
    assert "new-then-old" in kinds
