"""Which world `naysayer test` means, when it is not the simulator: processes, a binary, or a cluster.toml."""

from __future__ import annotations

from pathlib import Path

from checker.errors import UsageError
from naysayer.commands.live import live_plan, test_binary, test_live, test_remote
from targets.live.cluster import LiveCluster
from targets.live.processes import ProcessCluster
from targets.registry import find as find_target
from targets.remote.cluster import faults_of
from targets.remote.config import ClusterConfig, load
from targets.remote.links import SHAPING
from workloads.registry import find as find_workload

NODE_TIMEOUT_S = 1.0

USUAL = ("kv", "cas-register", "register")
"""The workloads for a system of somebody else, the most demanding first: the first that it offers is taken."""


def test_world(
    target: str | None,
    binary: str | None,
    cluster: Path | None,
    client: str | None,
    workload: str | None,
    nemesis: tuple[str, ...] | None,
    nodes: int | None,
    clients: int | None,
    operations: int | None,
    time_s: float | None,
    seed: int,
    results: Path,
) -> int:
    """Exactly one of `target`, `binary` and `cluster` is given; returns the exit code.

    `client` takes the place of the kind of client that the file `cluster` names.
    """
    config: ClusterConfig | None = None
    if target is not None:
        found = find_target(target)
        name, world, faults = found.name, "as processes on this machine", LiveCluster.faults
        count = found.nodes if nodes is None else nodes
        workload = workload or found.workload
    elif binary is not None:
        name, world, faults = binary, "as a binary behind stdin and stdout", ProcessCluster.faults
        count = 3 if nodes is None else nodes
        workload = workload or "lin-kv"
    else:
        assert cluster is not None
        config = load(cluster, client)
        if nodes is not None and nodes != len(config.nodes):
            raise UsageError(f"--nodes is {nodes}, but {cluster} names {len(config.nodes)}")
        # few kernels have what makes links slow: such faults are asked for by name
        name, world, faults = config.name, f"on the hosts of {cluster}", faults_of(config) - SHAPING
        count = len(config.nodes)
        offered = set(config.client.operations)
        usual = (name for name in USUAL if find_workload(name).operations <= offered)
        workload = workload or next(usual, USUAL[0])
    plan = live_plan(
        name,
        world,
        workload=workload,
        nemesis=nemesis,
        faults=faults,
        nodes=count,
        clients=clients,
        operations=operations,
        time_s=time_s,
        seed=seed,
    )
    if target is not None:
        return test_live(plan, find_target(target).timeout_ms / 1000, results)
    if binary is not None:
        return test_binary(plan, NODE_TIMEOUT_S, results)
    assert cluster is not None
    assert config is not None
    return test_remote(cluster, config, plan, results)
