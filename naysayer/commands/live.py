"""What really runs in `naysayer test --live`, `--bin` and `--cluster`, and the plan of a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from checker.errors import UsageError, unknown_name
from naysayer.commands.drive import System
from naysayer.options import RunOptions
from naysayer.plan import (
    BINARY_NEMESIS,
    HOSTS_NEMESIS,
    LIVE_CLIENTS,
    LIVE_NEMESIS,
    Binary,
    Plan,
    level_of,
    possible_faults,
    refuse_faults,
    refuse_sizes,
    sizes_of,
    validate,
    workload_of,
)
from nemesis import named as named_faults
from nemesis.deck import PROCESSES
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import ClusterConfig, make_client, own_file
from targets.backends.hosts.needs import faults_of, what_it_takes
from targets.backends.processes.cluster import LiveCluster
from targets.backends.processes.processes import ProcessCluster
from targets.backends.stdio.cluster import StdioCluster
from targets.backends.stdio.protocol import DIALECTS
from targets.backends.stdio.topology import TOPOLOGIES
from targets.backends.storage.build import STORING, compiler
from targets.protocol.fault import LoseMessages
from targets.registry import find as find_target
from workloads.registry import find as find_workload

TIME_S = 30.0
BINARY_TIMEOUT_S = 1.0


def asks_for_storage(plan: Plan) -> bool:
    """Whether a fault of the plan needs the nodes' disks. Raises UsageError where this machine cannot inject it."""
    asked = any(named_faults.find(name).needs & STORING for name in plan.nemesis)
    if asked:
        compiler()
    return asked


def target_system(plan: Plan) -> System:
    """Nodes of a target of ours as processes on this machine. Raises UsageError for a plan that does not fit."""
    target = find_target(plan.target)
    where, storage = "a cluster of processes on this machine", asks_for_storage(plan)
    validate(plan, target, find_workload(plan.workload), LiveCluster.faults, where)
    return System(
        lambda: LiveCluster(target, plan.nodes, plan.seed, storage=storage), timeout_s=target.timeout_ms / 1000
    )


def binary_system(plan: Plan) -> System:
    """A binary that speaks Maelstrom's protocol, started once for each node. Raises UsageError for a plan that does
    not fit."""
    if plan.workload not in DIALECTS:
        raise UsageError(f"--bin speaks Maelstrom's workloads ({', '.join(DIALECTS)}), not {plan.workload!r}")
    refuse_faults(plan, ProcessCluster.faults, "a binary over stdin and stdout")
    binary = plan.binary or Binary()
    if binary.topology not in TOPOLOGIES:
        raise unknown_name("topology", binary.topology, TOPOLOGIES)

    command = _words(plan.target)

    storage = asks_for_storage(plan)

    def make() -> StdioCluster:
        topology, latency_ms = binary.topology, binary.latency_ms
        return StdioCluster(
            command,
            plan.workload,
            plan.nodes,
            plan.seed,
            topology,
            latency_ms,
            storage=storage,
            start_timeout_s=plan.start_timeout_s,
        )

    return System(make, BINARY_TIMEOUT_S)


def _words(command: str) -> list[str]:
    """The words of a command, split as a shell does. Raises UsageError where there are none."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--bin {command!r}: {error}") from None
    if not words:
        raise UsageError("--bin is empty: name the program that runs a node, such as --bin ./my-node")
    return words


def remote_system(file: Path, config: ClusterConfig, plan: Plan, *, faults_on_running: bool = False) -> System:
    """A cluster on other hosts, which cluster.toml describes. Raises UsageError for a plan that does not fit."""
    workload = find_workload(plan.workload)
    lacking = sorted(workload.operations - set(config.client.operations))
    if lacking:
        raise UsageError(
            f"workload {plan.workload} needs {', '.join(lacking)}; {file} offers {config.client.operations}"
        )
    make_client(config.client, next(iter(config.nodes.values())).client, workload.model)
    for name in plan.nemesis:
        missing = named_faults.find(name).needs - faults_of(config)
        if missing:
            can = possible_faults(faults_of(config), plan.nodes)
            needs = what_it_takes(missing)
            raise UsageError(f"fault {name} cannot be carried out on these hosts: it needs {needs}; possible: {can}")
    wanted = {name: named_faults.find(name).needs for name in plan.nemesis}
    left = f"naysayer heal {shlex.quote(str(file))}"
    files = {"cluster.toml": file}
    if own := own_file(config.client):
        files["client.py"] = Path(own)

    def make() -> RemoteCluster:
        seed, model = plan.seed, workload.model
        return RemoteCluster(config, wanted, seed=seed, faults_on_running=faults_on_running, model=model)

    return System(make, config.client.timeout_s, left, files)


@dataclass(frozen=True)
class Backend:
    """What really runs: its name, where it runs, the tags of the faults that can be carried out there, and the
    defaults for what the options leave open."""

    name: str
    where: str
    faults: frozenset[str]
    nodes: int
    workload: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Of options by name: what holds where the command line leaves them open."""


def live_plan(backend: Backend, options: RunOptions) -> Plan:
    """A plan for what really runs; by default with those of the usual faults that it can carry out."""
    unsaid = {name: one for name, one in backend.defaults.items() if getattr(options, name) is None}
    if options.operations is not None:
        unsaid.pop("time_s", None)
    options = replace(options, **unsaid)
    nodes = backend.nodes if options.nodes is None else options.nodes
    passing = LIVE_NEMESIS if LoseMessages.tags <= backend.faults else HOSTS_NEMESIS
    usual = passing if options.binary is None else BINARY_NEMESIS
    nemesis = usual_faults(backend.faults, nodes, usual) if options.nemesis is None else options.nemesis
    plan = Plan(
        target=backend.name,
        workload=backend.workload if options.workload is None else options.workload,
        nemesis=tuple(named_faults.find(name).name for name in nemesis),
        nodes=nodes,
        clients=LIVE_CLIENTS if options.clients is None else options.clients,
        seed=options.seed,
        operations=options.operations,
        time_s=TIME_S if options.operations is None and options.time_s is None else options.time_s,
        backend=backend.where,
        nemesis_interval_s=options.nemesis_interval_s,
        start_timeout_s=options.start_timeout_s,
        rate=options.rate,
        deck=options.nemesis is None or PROCESSES.keys() >= {named_faults.find(name).name for name in nemesis},
        availability=options.availability,
        sizes=sizes_of(options),
        level=level_of(options),
        binary=None if options.binary is None else _binary(options),
    )
    refuse_sizes(plan)
    workload_of(plan)  # refuses options that the workload has no use for
    return plan


def _binary(options: RunOptions) -> Binary:
    return Binary(
        topology=options.topology or "grid",
        latency_ms=options.latency_ms or 0.0,
        spare=options.nemesis is None,
    )


def usual_faults(faults: frozenset[str], nodes: int, usual: tuple[str, ...] = HOSTS_NEMESIS) -> tuple[str, ...]:
    """Those of the usual faults that a cluster with these tags can carry out."""
    return tuple(
        name for name in usual if named_faults.find(name).needs <= faults and named_faults.find(name).nodes <= nodes
    )
