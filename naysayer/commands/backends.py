"""Which backend `naysayer test` uses, other than the simulator: processes, a binary, or a cluster.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from checker.errors import UsageError
from naysayer.commands.drive import System, run_test
from naysayer.commands.live import Backend, binary_system, live_plan, remote_system, target_system
from naysayer.options import RunOptions
from naysayer.plan import FEW_WITH_CAS, FEW_WRITES, ON_PROCESSES, Plan
from naysayer.report.conclusion import Conclusion
from targets.backends.hosts.config import START_TIMEOUT_S, ClusterConfig, Commands, load
from targets.backends.hosts.links import SHAPING
from targets.backends.hosts.needs import faults_of
from targets.backends.processes.cluster import LiveCluster
from targets.backends.processes.process import refuse_platform
from targets.backends.processes.processes import ProcessCluster
from targets.backends.stdio.protocol import DIALECTS
from targets.backends.storage.build import STORING, find_compiler
from targets.registry import find as find_target
from workloads.registry import WORKLOADS
from workloads.registry import find as find_workload

BY_KEY = frozenset({"kv", "cas-register", "register"})
"""In real time, FEW_WRITES or FEW_WITH_CAS takes the place of these."""

USUAL = (FEW_WITH_CAS, FEW_WRITES, "kv", "cas-register", "register")
"""The usual workloads for a cluster.toml: the first that the system offers the operations for is taken."""


SystemOf = Callable[[Plan], System]


def test_backend(options: RunOptions) -> Conclusion:
    """One run of what `choose` finds."""
    backend, system_of = choose(options)
    plan = live_plan(backend, options)
    return run_test(plan, system_of(plan), options)


def choose(options: RunOptions) -> tuple[Backend, SystemOf]:
    """What is to run, and how a plan becomes the system that runs it.

    Exactly one of `target`, `binary` and `cluster` is given. `client` takes the place of the kind of client that the
    file `cluster` names.
    """
    if options.cluster is None:
        refuse_platform()
    if options.target is not None:
        found = find_target(options.target)
        faults = LiveCluster.faults if find_compiler() else LiveCluster.faults - STORING
        few = FEW_WITH_CAS if "cas" in found.operations else FEW_WRITES
        workload = few if found.workload in BY_KEY else found.workload
        return Backend(found.name, ON_PROCESSES, faults, found.nodes, workload), target_system
    if options.binary is not None:
        where = "as a binary over stdin and stdout"
        return Backend(options.binary, where, ProcessCluster.faults, 3, FEW_WITH_CAS), binary_system
    if options.cluster is None:
        raise UsageError("say what to test: a target, a binary or a cluster")
    file, config = options.cluster, _with_timeout(load(options.cluster, options.client), options.start_timeout_s)
    count = len(config.nodes)
    if options.nodes is not None and options.nodes != count:
        raise UsageError(f"--nodes is {options.nodes}, but {file} names {count}")
    # few kernels have what makes links slow: such faults are asked for by name
    faults = faults_of(config) - (frozenset() if config.has_proxies else SHAPING)
    workload = default_workload(config) or USUAL[0]
    on_running = options.faults_on_running
    return (
        Backend(config.name, f"on the hosts of {file}", faults, count, workload, defaults_of(config)),
        lambda plan: remote_system(file, config, plan, faults_on_running=on_running),
    )


def _with_timeout(config: ClusterConfig, start_timeout_s: float | None) -> ClusterConfig:
    """The configuration with what --start-timeout says, if it was given."""
    commands = config.commands or (Commands() if config.has_containers else None)
    if commands is None or start_timeout_s is None:
        return config
    return replace(config, commands=replace(commands, start_timeout_s=start_timeout_s))


def defaults_of(config: ClusterConfig) -> dict[str, Any]:
    """What cluster.toml says of options that the command line may leave open."""
    said = {name: getattr(config.test, name) for name in config.test.__struct_fields__}
    if said["nemesis"] == ("none",):
        said["nemesis"] = ()
    if config.commands is not None and config.commands.start_timeout_s > START_TIMEOUT_S:
        said["start_timeout_s"] = config.commands.start_timeout_s
    return {name: one for name, one in said.items() if one is not None}


def workloads_for(options: RunOptions, named: str | None, usual: str) -> tuple[str, ...]:
    """The workloads that a hunt of what really runs tries, the usual one first; only the one that was named."""
    if named is not None:
        return (find_workload(named).name,)
    if options.target is not None:
        target = find_target(options.target)
        able = (name for name in target.workloads if find_workload(name).operations <= target.operations)
        return tuple(dict.fromkeys((usual, *able)))
    if options.cluster is None:
        return (FEW_WRITES, "lin-kv", "register")
    offered = set(load(options.cluster, options.client).client.operations)
    fitting = tuple(name for name in USUAL if find_workload(name).operations <= offered)
    return fitting or (default_workload(load(options.cluster, options.client)) or USUAL[0],)


def default_workload(config: ClusterConfig) -> str | None:
    """The first of the usual workloads that a system offers the operations for, else the first of all that fits; None
    if none does."""
    offered = set(config.client.operations)
    names = (*USUAL, *(one.name for one in WORKLOADS.values() if one.convergence is None and one.name not in DIALECTS))
    return next((name for name in names if find_workload(name).operations <= offered), None)
