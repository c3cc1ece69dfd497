"""CheckQuorum (Ongaro's dissertation, §6.2): a leader that can send but not receive makes way for another."""

from __future__ import annotations

from typing import Any

import pytest

from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Cut
from targets.protocol.node import NodeId, Reply, Request
from targets.registry import find

SEEDS = range(5)
TARGETS = ("raft-log", "paxos-log")


def leaders(cluster: SimulatedCluster) -> dict[NodeId, int]:
    """Who believes to lead, with the term."""
    return {node: view["term"] for node, view in cluster.views().items() if view["role"] == "leader"}


def deafened(name: str, seed: int) -> tuple[SimulatedCluster, NodeId]:
    """A cluster whose leader no longer receives anything from the other nodes, but still sends."""
    cluster = SimulatedCluster(find(name), 3, seed)
    cluster.start()
    cluster.run(until=lambda: bool(leaders(cluster)), until_ms=3000.0)
    cluster.run(until_ms=cluster.now_ms + 200.0)
    (leader,) = leaders(cluster)
    cluster.apply(Cut(tuple((other, leader) for other in cluster.nodes if other != leader)))
    return cluster, leader


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", TARGETS)
def test_others_elect_a_leader_and_serve_clients(name: str, seed: int) -> None:
    cluster, deaf = deafened(name, seed)
    cluster.run(until=lambda: bool(set(leaders(cluster)) - {deaf}), until_ms=cluster.now_ms + 3000.0)
    (elected,) = set(leaders(cluster)) - {deaf}
    replies: list[Reply | None] = []
    cluster.invoke(Request("c0.1", "c0", "write", "x", 1), elected, 1000.0, replies.append)
    cluster.run(until_ms=cluster.now_ms + 1000.0)
    assert [reply.status if reply else None for reply in replies] == ["ok"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", TARGETS)
def test_the_deaf_node_steps_down_and_deposes_no_other_leader(name: str, seed: int) -> None:
    cluster, deaf = deafened(name, seed)
    cluster.run(until_ms=cluster.now_ms + 2000.0)
    before: dict[NodeId, Any] = leaders(cluster)
    cluster.run(until_ms=cluster.now_ms + 5000.0)
    assert deaf not in before
    assert leaders(cluster) == before
