"""A test as a value: everything that a run depends on. It is validated before the run and stored as test.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from checker.errors import UsageError
from checker.transactions import MODELS as TRANSACTIONS
from checker.transactions.levels import LEVELS, MAELSTROM
from checker.transactions.levels import find as find_level
from naysayer.format_version import refuse_other_version
from naysayer.options import RunOptions
from naysayer.possible import offered, possible
from naysayer.versions import versions
from nemesis import catalog
from nemesis import named as named_faults
from nemesis.decided import TimedFault
from nemesis.repeated import Suspect
from targets.backends.simulator import SimulatedCluster
from targets.protocol.target import Target
from targets.registry import find as find_target
from workloads.generator import Workload
from workloads.registry import find as find_workload
from workloads.tailored import Sizes, tailored

VERSION = 1
"""The format version of test.toml."""

OPERATIONS = 2000
"""How many operations a test runs, without --ops and --time."""

CLIENTS = 5
"""How many clients there are, without --clients."""

LIVE_CLIENTS = 10
"""The same in real time, where half of them only read in the default workload."""

NAME_CHARS_MAX = 60
"""Of a folder's name: a command may be longer than file systems allow."""

THINK_MS = 4.0
"""Mean pause of a client between two operations."""


class Binary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Further settings for a program that speaks Maelstrom's protocol."""

    topology: str = "grid"
    latency_ms: float = 0.0
    spare: bool = False
    """Kill nodes only if they store data on disk: data in memory is lost with its process by design."""


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
    backend: str = "simulator"
    """What ran it. Only a simulated run can be replayed."""
    think_ms: float = THINK_MS
    """Mean pause of a client between two operations (simulated runs)."""
    deck: bool = False
    """The faults are short and come in turn, each after the system has recovered from the last (nemesis/deck.py);
    False: they come at random and last for random times, several at once (nemesis/mix.py)."""
    suspects: tuple[Suspect, ...] | None = None
    """The faults are these, again and again (nemesis/repeated.py): a hunt of a real system tries them on their own."""
    rest: float = 1.0
    """Pauses between faults, in multiples of the default (simulated runs)."""
    nemesis_interval_s: float | None = None
    """Mean time between the beginnings of two faults, or, in the default schedule of real runs, from the end of one to
    the beginning of the next; None: the default."""
    start_timeout_s: float | None = None
    """How long a node may take to start (live runs); None: the default of the backend."""
    timeout_ms: float | None = None
    """How long a client waits for a reply (simulated runs); None: the target's default."""
    rate: float | None = None
    """Operations per second, at most, in the fault phase (live runs); None: no limit."""
    availability: float | None = None
    """The fraction of requests that must be answered (live runs); None: not judged."""
    sizes: Sizes | None = None
    """What was chosen of the workload's keys; None: nothing."""
    level: str | None = None
    """The level of isolation that transactions must have; None: the default."""
    binary: Binary | None = None
    """For programs that speak Maelstrom's protocol."""
    decisions: tuple[TimedFault, ...] = ()
    """What happens beside what is drawn from the seed, in order of time: so a simulated run is continued otherwise."""
    version: int = VERSION

    @property
    def name(self) -> str:
        """The test's folder under results/."""
        return folder_name(self.target)


def folder_name(target: str) -> str:
    """What the folder of a target's results is called."""
    plain = "".join(char if char.isalnum() or char in "-_" else "." for char in target).strip(".")
    return plain[:NAME_CHARS_MAX].strip(".") or "run"


DEFAULT_NEMESIS = ("partition", "one-way", "delay", "duplicate", "kill", "power", "pause")
"""Faults that every correct store survives."""

SIMULATED_NEMESIS = (*DEFAULT_NEMESIS, "torn", "isolate-leader", "kill-leader", "pause-leader")
"""The same in the simulator; those of leaders where the views of the nodes show one. No default depends on `Broken`: a
system of a user's has no such label."""

HOSTS_NEMESIS = ("disconnect", *DEFAULT_NEMESIS)
"""The same for a cluster.toml, whose nodes may be containers."""

REST = 3.0
"""Pauses between faults in a default test of several nodes, in multiples of those in a hunt, so that most operations
complete. With 1.0 a quarter of them time out, since with so many kinds of faults one is nearly always active."""

_OF_MESSAGES = ("partition", "one-way", "lose-phase", "delay-phase", "duplicate-phase")

ON_PROCESSES = "as processes on this machine"
"""The backend of a target of ours as processes (--live)."""

LIVE_NEMESIS = (*_OF_MESSAGES, "kill", "pause", "power", "torn")
"""The same for processes whose messages pass through the harness."""

FEW_WRITES, FEW_WITH_CAS = "write-few-read-many", "write-few-with-cas"
"""The default workload for registers in the simulator, and in real time for whatever has reads and writes by key."""

BINARY_NEMESIS = tuple(name for name in LIVE_NEMESIS if name not in ("duplicate-phase", "power", "torn"))
"""The same for programs written for Maelstrom, whose network never duplicates a message, and whose nodes never lose
what they wrote and did not sync."""


def make_plan(options: RunOptions) -> Plan:
    """A plan for the simulator, with the target's defaults for options that are not given. Raises UsageError where
    they do not fit together."""
    if options.target is None:
        raise UsageError("name the target to run, such as quorum-kv")
    found = find_target(options.target)
    nodes, nemesis = options.nodes, options.nemesis
    count = found.nodes if nodes is None else nodes
    usual = _usual_workload(found) if options.workload is None else options.workload
    deck = nemesis is None and found.workload == "register"
    if nemesis is None:
        able = {kind.name for kind in possible(found)}
        named = LIVE_NEMESIS if deck else SIMULATED_NEMESIS
        nemesis = tuple(name for name in named if name in able and named_faults.find(name).nodes <= count)
    operations = OPERATIONS if options.operations is None and options.time_s is None else options.operations
    plan = Plan(
        target=options.target,
        workload=usual,
        nemesis=tuple(named_faults.find(name).name for name in nemesis),
        nodes=count,
        clients=CLIENTS if options.clients is None else options.clients,
        seed=options.seed,
        operations=operations,
        time_s=options.time_s,
        deck=deck,
        rest=REST if options.nemesis is None and not deck and count > 1 else 1.0,
        nemesis_interval_s=options.nemesis_interval_s,
        sizes=sizes_of(options),
        level=level_of(options),
    )
    validate(plan, found, workload_of(plan))
    return plan


def _usual_workload(target: Target) -> str:
    """The default workload of a test: of registers the one that shows most; of a program of the user's one of which it
    has all operations."""
    if target.workload != "register":
        return target.workload
    if not target.foreign:
        return FEW_WRITES
    able = [name for name in (FEW_WITH_CAS, FEW_WRITES, *target.workloads) if _has(target, name)]
    return able[0] if able else FEW_WRITES


def _has(target: Target, workload: str) -> bool:
    return find_workload(workload).operations <= offered(target)


def workload_of(plan: Plan) -> Workload:
    """The workload of a run. Raises UsageError for options that it has no use for."""
    workload, binary = find_workload(plan.workload), plan.binary
    if binary is not None and binary.topology != "grid" and workload.name != "broadcast":
        raise UsageError(f"--topology is for the workload broadcast, not for {workload.name}")
    if plan.level is not None:
        if workload.model not in TRANSACTIONS and workload.model not in LEVELS:
            raise UsageError(f"--consistency-model is for workloads of transactions, and {workload.name} has none")
        find_level(plan.level)
    return tailored(workload, plan.sizes or Sizes(), integers=binary is not None)


def level_of(options: RunOptions) -> str | None:
    """The level that --consistency-model means, as Maelstrom does."""
    asked = options.consistency_model
    return None if asked is None else MAELSTROM.get(asked, asked)


def sizes_of(options: RunOptions) -> Sizes | None:
    """What the options say of keys and transactions; None: nothing."""
    sizes = Sizes(options.key_count, options.clients_per_key, options.ops_per_key, options.max_txn_length)
    return None if sizes == Sizes() else sizes


def validate(
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
            f"workload {workload.name} is for eventually consistent systems; {target.name} promises more "
            f"and offers {', '.join(target.workloads)}"
        )
    if target.nodes == 1 and plan.nodes > 1:
        raise UsageError(f"{target.name} runs on one node only, so --nodes must be 1, not {plan.nodes}")
    refuse_faults(plan, faults, where)
    refuse_sizes(plan)


def refuse_faults(plan: Plan, faults: frozenset[str], where: str) -> None:
    """Raises UsageError for a fault that a cluster with these tags cannot carry out, and for one beside a whole
    schedule."""
    named_faults.schedule_of(plan.nemesis)
    for name in plan.nemesis:
        missing = sorted(named_faults.find(name).needs - faults)
        if missing:
            needs, can = ", ".join(missing), possible_faults(faults, plan.nodes)
            raise UsageError(f"fault {name} needs {needs}, which {where} cannot carry out; possible: {can}")


def possible_faults(faults: frozenset[str], nodes: int) -> str:
    """The names of the faults that a cluster with these tags and this number of nodes can carry out."""
    can = [kind.name for kind in catalog.KINDS.values() if kind.needs <= faults and kind.nodes <= nodes]
    return ", ".join(can) or "none"


def refuse_sizes(plan: Plan) -> None:
    """Raises UsageError for a number out of bounds, and for a fault that needs more nodes."""
    for name in plan.nemesis:
        kind = named_faults.find(name)
        if kind.nodes > plan.nodes:
            raise UsageError(f"fault {name} needs at least {kind.nodes} nodes, not {plan.nodes}")
    sizes = plan.sizes or Sizes()
    for what, value, least, most in (
        ("nodes", plan.nodes, 1, 99),
        ("clients", plan.clients, 1, 10_000),
        ("ops", plan.operations, 1, 100_000_000),
        ("time", plan.time_s, 0.001, 1e7),
        ("rate", plan.rate, 0.001, 1e9),
        ("nemesis-interval", plan.nemesis_interval_s, 0.001, 1e6),
        ("start-timeout", plan.start_timeout_s, 0.001, 3600),
        ("latency", plan.binary.latency_ms if plan.binary else None, 0, 600_000),
        ("key-count", sizes.key_count, 1, 10_000),
        ("clients-per-key", sizes.clients_per_key, 1, 10_000),
        ("ops-per-key", sizes.ops_per_key, 1, 1_000_000_000),
        ("max-txn-length", sizes.max_txn_length, 1, 100),
    ):
        if value is not None and not least <= value <= most:
            raise UsageError(f"--{what} is {value}; it must be between {least:g} and {most:g}")


class _Kept(Plan, frozen=True, forbid_unknown_fields=True):
    """A test.toml: the plan, and information about the run that is not needed to run it again."""

    options: dict[str, Any] = {}
    versions: dict[str, str] = {}


def text(plan: Plan, options: Mapping[str, Any] | None = None) -> str:
    """The plan as a test.toml, with the options that were given and the versions of the software."""
    import tomli_w

    built: dict[str, Any] = _that_toml_has(msgspec.to_builtins(plan))
    if not plan.decisions:
        del built["decisions"]
    built |= {"options": dict(options or {}), "versions": versions()}
    if plan.backend == "simulator":
        note = "# Everything that reproduces this run: naysayer replay FOLDER"
    else:
        note = (
            "# This run used real time, so it cannot be replayed. To judge its history again:\n"
            "# naysayer check FOLDER/history.jsonl"
        )
    return f"{note}\n{tomli_w.dumps(built)}"


def _that_toml_has(value: Any) -> Any:
    """The value without the fields that are None."""
    if isinstance(value, dict):
        return {name: _that_toml_has(inner) for name, inner in value.items() if inner is not None}
    return [_that_toml_has(inner) for inner in value] if isinstance(value, list | tuple) else value


def read(path: Path) -> Plan:
    """Read test.toml. Raises UsageError naming the file and the error in it."""
    try:
        content = path.read_bytes()
        refuse_other_version(path, content, VERSION)
        given = msgspec.toml.decode(content)
        if "world" in given:  # the name of this field before 0.1.0
            given["backend"] = given.pop("world")
        kept = msgspec.convert(given, type=_Kept)
        return Plan(**{name: getattr(kept, name) for name in Plan.__struct_fields__})
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a text in UTF-8") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} is damaged or cut off ({error})") from error
