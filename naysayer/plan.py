"""A test as a value: everything that a run depends on, checked before anything starts, and kept as test.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from checker.errors import UsageError
from naysayer.format_version import refuse_other_version
from naysayer.options import RunOptions
from naysayer.versions import versions
from nemesis import catalog
from targets.backends.simulator import SimulatedCluster
from targets.protocol.target import Target
from targets.registry import find as find_target
from workloads.generator import Workload
from workloads.maelstrom import tailored
from workloads.registry import find as find_workload

VERSION = 1
"""The format of test.toml that is written and read here."""

OPERATIONS = 2000
"""How many operations a test runs, if neither --ops nor --time says so."""

CLIENTS = 5
"""How many clients there are, unless --clients says so."""

NAME_CHARS_MAX = 60
"""Of the name of a folder: a command may be long, and file systems are limited."""

THINK_MS = 4.0
"""Mean pause of a client between two operations."""


class Binary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the run of a program that speaks Maelstrom's protocol has besides."""

    topology: str = "grid"
    latency_ms: float = 0.0
    key_count: int | None = None
    max_txn_length: int | None = None
    spare: bool = False
    """Kill nodes only if they keep anything on disk: what is kept in memory is lost with its process by design."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """target + workload + nemesis + sizes + seed. `time_s` is virtual time in the simulator."""

    target: str
    workload: str
    nemesis: tuple[str, ...]
    nodes: int
    clients: int
    seed: int
    operations: int | None = OPERATIONS
    time_s: float | None = None
    world: str = "simulator"
    """Where it ran. Only the simulator can run it again."""
    think_ms: float = THINK_MS
    """Mean pause of a client between two operations (simulated runs)."""
    rest: float = 1.0
    """Pauses between faults, in multiples of the usual (simulated runs)."""
    timeout_ms: float | None = None
    """How long a client waits for an answer (simulated runs); None: as long as the target says."""
    rate: float | None = None
    """At most so many operations a second while faults are injected (live runs); None: as many as are answered."""
    availability: float | None = None
    """The fraction of requests that must be answered (live runs); None: not judged."""
    binary: Binary | None = None
    """For programs that speak Maelstrom's protocol."""
    version: int = VERSION

    @property
    def name(self) -> str:
        """The test's folder under results/."""
        plain = "".join(char if char.isalnum() or char in "-_" else "." for char in self.target).strip(".")
        return plain[:NAME_CHARS_MAX].strip(".") or "run"


DEFAULT_NEMESIS = ("partition", "one-way", "delay", "duplicate", "kill", "power", "pause")
"""Faults that every correct store survives. A broken variant gets the faults that expose it instead."""


REST = 3.0
"""Pauses between faults in a test of a healthy target, in multiples of those of a hunt: most operations complete. With
1.0 a quarter of them ends in a time-out, since with seven kinds of faults one is nearly always active."""


BINARY_NEMESIS = tuple(name for name in DEFAULT_NEMESIS if name != "duplicate")
"""The same for programs written for Maelstrom, whose network doubles no message."""


def make_plan(options: RunOptions) -> Plan:
    """A plan for the simulator, with the target's own defaults for what is not given. Raises UsageError for what does
    not fit."""
    if options.target is None:
        raise UsageError("say which target to run, such as quorum-kv")
    found = find_target(options.target)
    nodes, nemesis = options.nodes, options.nemesis
    count = found.nodes if nodes is None else nodes
    if nemesis is None:
        names = DEFAULT_NEMESIS if found.broken is None else found.broken.faults
        nemesis = tuple(name for name in names if catalog.find(name).nodes <= count)
    operations = OPERATIONS if options.operations is None and options.time_s is None else options.operations
    plan = Plan(
        target=options.target,
        workload=found.workload if options.workload is None else options.workload,
        nemesis=tuple(catalog.find(name).name for name in nemesis),
        nodes=count,
        clients=CLIENTS if options.clients is None else options.clients,
        seed=options.seed,
        operations=operations,
        time_s=options.time_s,
        rest=REST if found.broken is None else 1.0,
    )
    refuse_misfits(plan, found, find_workload(plan.workload))
    return plan


def workload_of(plan: Plan) -> Workload:
    """What the clients of a run do. Raises UsageError for options that its workload has no use for."""
    workload, binary = find_workload(plan.workload), plan.binary
    if binary is None:
        return workload
    if binary.topology != "grid" and workload.name != "broadcast":
        raise UsageError(f"--topology is for the workload broadcast, not for {workload.name}")
    return tailored(workload, binary.key_count, binary.max_txn_length)


def refuse_misfits(
    plan: Plan,
    target: Target,
    workload: Workload,
    faults: frozenset[str] = SimulatedCluster.faults,
    where: str = "the simulator",
) -> None:
    """Raises UsageError if the target lacks an operation, or the cluster a fault, that the plan asks for."""
    lacking = sorted(workload.operations - target.operations)
    if lacking:
        offers = ", ".join(sorted(target.operations))
        raise UsageError(f"workload {workload.name} needs {', '.join(lacking)}; {target.name} offers only {offers}")
    if workload.convergence is not None:
        raise UsageError(
            f"workload {workload.name} is for systems that promise something for the end only; {target.name} promises "
            f"more and offers {', '.join(target.workloads)}"
        )
    if target.nodes == 1 and plan.nodes > 1:
        raise UsageError(f"{target.name} runs on one node that knows no others, so --nodes must be 1, not {plan.nodes}")
    refuse_faults(plan, faults, where)
    refuse_sizes(plan)


def refuse_faults(plan: Plan, faults: frozenset[str], where: str) -> None:
    """Raises UsageError for a fault that a cluster with these tags cannot carry out."""
    for name in plan.nemesis:
        missing = sorted(catalog.find(name).needs - faults)
        if missing:
            needs, can = ", ".join(missing), possible_faults(faults, plan.nodes)
            raise UsageError(f"fault {name} needs {needs}, which {where} cannot carry out; possible: {can}")


def possible_faults(faults: frozenset[str], nodes: int) -> str:
    """The names of the faults that a cluster with these tags can carry out on so many nodes."""
    can = [kind.name for kind in catalog.KINDS.values() if kind.needs <= faults and kind.nodes <= nodes]
    return ", ".join(can) or "none"


def refuse_sizes(plan: Plan) -> None:
    """Raises UsageError for a number out of bounds, and for a fault that makes no sense with so few nodes."""
    for name in plan.nemesis:
        kind = catalog.find(name)
        if kind.nodes > plan.nodes:
            raise UsageError(f"fault {name} makes sense with {kind.nodes} nodes or more, not with {plan.nodes}")
    for what, value, least, most in (
        ("nodes", plan.nodes, 1, 99),
        ("clients", plan.clients, 1, 10_000),
        ("ops", plan.operations, 1, 100_000_000),
        ("time", plan.time_s, 0.001, 1e7),
        ("rate", plan.rate, 0.001, 1e9),
        ("latency", plan.binary.latency_ms if plan.binary else None, 0, 600_000),
        ("key-count", plan.binary.key_count if plan.binary else None, 1, 10_000),
        ("max-txn-length", plan.binary.max_txn_length if plan.binary else None, 1, 100),
    ):
        if value is not None and not least <= value <= most:
            raise UsageError(f"--{what} is {value}; it must be between {least:g} and {most:g}")


class _Kept(Plan, frozen=True, forbid_unknown_fields=True):
    """A test.toml: the plan, and what people want to know of a run that is not needed to run it again."""

    options: dict[str, Any] = {}
    versions: dict[str, str] = {}


def text(plan: Plan, options: Mapping[str, Any] | None = None) -> str:
    """The plan as a test.toml, with the options that were given, and the versions of what runs it."""
    import tomli_w

    built: dict[str, Any] = {k: v for k, v in msgspec.to_builtins(plan).items() if v is not None}
    built |= {"options": dict(options or {}), "versions": versions()}
    if plan.world == "simulator":
        note = "# Everything that reproduces this run: naysayer replay FOLDER"
    else:
        note = (
            "# What was run. On real systems time is real, so it cannot be replayed; the history can be judged again:\n"
            "# naysayer check FOLDER/history.jsonl"
        )
    return f"{note}\n{tomli_w.dumps(built)}"


def read(path: Path) -> Plan:
    """Read test.toml. Raises UsageError naming the file and what is wrong in it."""
    try:
        content = path.read_bytes()
        refuse_other_version(path, content, VERSION)
        kept = msgspec.toml.decode(content, type=_Kept)
        return Plan(**{name: getattr(kept, name) for name in Plan.__struct_fields__})
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
