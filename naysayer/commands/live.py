"""`naysayer test --live`, `--bin` and `--cluster`: the same test against what really runs."""

from __future__ import annotations

import shlex
from pathlib import Path

from checker.errors import UsageError
from naysayer.commands.drive import run_test
from naysayer.plan import DEFAULT_NEMESIS, Plan, refuse_faults, refuse_misfits, refuse_sizes
from nemesis import catalog
from targets.live.cluster import LiveCluster
from targets.live.processes import ProcessCluster
from targets.registry import find as find_target
from targets.remote.cluster import RemoteCluster, faults_of, what_it_takes
from targets.remote.config import ClusterConfig
from targets.stdio.cluster import StdioCluster
from targets.stdio.protocol import DIALECTS
from workloads.registry import find as find_workload

TIME_S = 10.0


def test_live(plan: Plan, timeout_s: float, results: Path) -> int:
    """Nodes of a target of ours as processes on this machine."""
    target = find_target(plan.target)
    where = "a cluster of processes on this machine"
    refuse_misfits(plan, target, find_workload(plan.workload), LiveCluster.faults, where)
    return run_test(plan, lambda: LiveCluster(target, plan.nodes, plan.seed), timeout_s, results)


def test_binary(plan: Plan, timeout_s: float, results: Path) -> int:
    """A binary behind Maelstrom's protocol, started once for each node."""
    if plan.workload not in DIALECTS:
        raise UsageError(f"--bin speaks Maelstrom's workloads ({', '.join(DIALECTS)}), not {plan.workload!r}")
    refuse_faults(plan, ProcessCluster.faults, "a binary behind stdin and stdout")
    command = shlex.split(plan.target)
    return run_test(plan, lambda: StdioCluster(command, plan.workload, plan.nodes, plan.seed), timeout_s, results)


def test_remote(file: Path, config: ClusterConfig, plan: Plan, results: Path) -> int:
    """A cluster on other hosts, told by cluster.toml."""
    lacking = sorted(find_workload(plan.workload).operations - set(config.client.operations))
    if lacking:
        raise UsageError(
            f"workload {plan.workload} needs {', '.join(lacking)}; {file} offers {config.client.operations}"
        )

    for name in plan.nemesis:
        missing = catalog.find(name).needs - faults_of(config)
        if missing:
            raise UsageError(f"fault {name} cannot be carried out on these hosts: it needs {what_it_takes(missing)}")
    wanted = {name: catalog.find(name).needs for name in plan.nemesis}
    left = f"naysayer heal {file}"
    return run_test(plan, lambda: RemoteCluster(config, wanted), config.client.timeout_s, results, left)


def live_plan(
    target: str,
    world: str,
    *,
    workload: str,
    nemesis: tuple[str, ...] | None,
    faults: frozenset[str],
    nodes: int,
    clients: int | None,
    operations: int | None,
    time_s: float | None,
    seed: int,
) -> Plan:
    """A plan for what really runs; by default with those of the usual faults that it can carry out."""
    if nemesis is None:
        nemesis = usual_faults(faults, nodes)
    if operations is None and time_s is None:
        time_s = TIME_S
    names = tuple(catalog.find(name).name for name in nemesis)
    plan = Plan(target, workload, names, nodes, 5 if clients is None else clients, seed, operations, time_s, world)
    refuse_sizes(plan)
    return plan


def usual_faults(faults: frozenset[str], nodes: int) -> tuple[str, ...]:
    """Those of the usual faults that a cluster with these tags can carry out."""
    return tuple(
        name for name in DEFAULT_NEMESIS if catalog.find(name).needs <= faults and catalog.find(name).nodes <= nodes
    )
