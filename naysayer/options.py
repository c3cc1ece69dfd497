"""What a user may ask of `test`, `check` and `hunt`, as values: cli.py parses them, commands take them as they are.

A new option is a field here, with its help beneath it, and the line that uses it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from checker.budget import Budget, memory_is_measured
from checker.errors import UsageError
from checker.values import Token

RESULTS = Path("results")

Keys = Literal["tuple", "field", "none"]


def seconds(text: str) -> float:
    """A duration such as 500ms, 30s, 5m or 1h, in seconds. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", text.strip())
    if found is None:
        raise UsageError(f"{text!r} is not a valid duration: write 500ms, 30s, 5m or 1h")
    return float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}[found[2]]


def _seconds(type_: Any, tokens: Sequence[Any]) -> float:
    return seconds(tokens[0].value)


def _names(type_: Any, tokens: Sequence[Any]) -> tuple[str, ...]:
    """A comma-separated list; () for "none"."""
    text = tokens[0].value
    names = [name.strip() for name in text.split(",")]
    if set(names) == {"none"}:
        return ()
    if "none" in names:
        fault = next(name for name in names if name != "none")
        raise UsageError(f"--nemesis {text}: none and {fault} exclude each other")
    if "" in names:
        raise UsageError(f"--nemesis {text!r}: a name is empty; write kill,partition, or none for no faults")
    return tuple(dict.fromkeys(names))


Duration = Annotated[float, Parameter(converter=_seconds)]
"""A duration with its unit, in seconds."""


def _milliseconds(type_: Any, tokens: Sequence[Any]) -> float:
    """A plain number is in ms, as for Maelstrom."""
    text = tokens[0].value
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else seconds(text) * 1000


Milliseconds = Annotated[float, Parameter(converter=_milliseconds)]
"""A duration in ms."""


def _share(type_: Any, tokens: Sequence[Any]) -> float:
    text = tokens[0].value
    if text == "total":
        return 1.0
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"--availability is {text!r}; write total, or a fraction between 0 and 1")
    return share


Share = Annotated[float, Parameter(converter=_share)]
"""A fraction from 0 to 1; `total` is 1."""

Faults = Annotated[
    tuple[str, ...],
    Parameter(
        converter=_names,
        n_tokens=1,
        help="faults, separated by commas; `none` for none; kill, power, torn and pause may name how many nodes: "
        "kill:one, kill:minority, kill:majority, kill:all",
    ),
]


def given(options: Any) -> dict[str, Any]:
    """Of a dataclass of options what differs from the defaults, as values that TOML has."""
    values = {one.name: (getattr(options, one.name), one.default) for one in fields(options)}
    return {
        name: value if isinstance(value, bool | int | float | str | tuple | list) else str(value)
        for name, (value, default) in values.items()
        if value is not None and value != default
    }


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """What a command that judges leaves for programs."""

    json: bool = False
    """print the verdict, or the error, as one JSON document on stdout, and nothing else (docs/json.md)"""

    junit: Path | None = None
    """write the verdict, or the error, as JUnit XML for a CI system to this file"""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """One run: what is tested, under which load and faults. None: the default of what is tested."""

    target: Annotated[str | None, Parameter(parse=False)] = None
    """the positional argument of the command"""

    live: bool = False
    """run the target as real processes on this machine instead"""

    binary: Annotated[str | None, Parameter(name="--bin")] = None
    """a command that speaks Maelstrom's protocol, started once for each node, instead of a target"""

    host: str | None = None
    """a command that holds nodes of your own, in any language, in the simulator's time (docs/node-protocol.md)"""

    cluster: Path | None = None
    """a cluster.toml that describes a running system, instead of a target"""

    client: str | None = None
    """with --cluster, your own client class as path.py:Name, in place of the file's [client] kind"""

    faults_on_running: Annotated[bool, Parameter(name="--allow-faults-on-running", negative="")] = False
    """with --cluster, kill, pause and skew also a system that ran before; it is restarted and left running"""

    workload: str | None = None
    """what the clients do; each target has a default"""

    nemesis: Faults | None = None

    nemesis_interval_s: Annotated[Duration | None, Parameter(name="--nemesis-interval")] = None
    """mean time between two faults, such as 10s (virtual time in the simulator)"""

    start_timeout_s: Annotated[Duration | None, Parameter(name="--start-timeout")] = None
    """with --bin and --cluster, how long a node may take to start; 10s with --bin, 60s on hosts unless given"""

    topology: Annotated[
        str | None,
        Parameter(
            help="with --bin and broadcast, the neighbours that the nodes are given: grid (the default), line, tree, "
            "tree2, tree3, tree4 or total"
        ),
    ] = None

    latency_ms: Annotated[Milliseconds | None, Parameter(name="--latency")] = None
    """with --bin, how long messages between nodes and to services take, in ms; none unless given"""

    key_count: int | None = None
    """how many keys are in use at once; each workload has a default, of 3 to 5"""

    clients_per_key: int | None = None
    """clients work in groups of so many, each group on keys of its own; all clients use all keys unless given"""

    ops_per_key: int | None = None
    """after so many operations a key is retired for a fresh one; mostly 200 unless given"""

    max_txn_length: int | None = None
    """with transactions, how many operations one has at most; 4 unless given"""

    consistency_model: Annotated[
        str | None,
        Parameter(
            help="with transactions, the level of isolation that they must have, such as read-committed "
            "(docs/transactions.md); serializable unless given"
        ),
    ] = None

    rate: float | None = None
    """not in the simulator: at most so many operations a second, of all clients together; no limit unless given"""

    availability: Share | None = None
    """not in the simulator: the fraction of requests to running nodes that must be answered, or total for all"""

    no_stop: Annotated[bool, Parameter(negative="")] = False
    """not in the simulator: go on after the first violation; by default the run stops there"""

    nodes: int | None = None
    """how many nodes"""

    clients: int | None = None
    """how many clients at once"""

    operations: Annotated[int | None, Parameter(name="--ops")] = None
    """how many operations in all"""

    time_s: Annotated[Duration | None, Parameter(name="--time")] = None
    """how long instead, such as 30s or 2m (virtual time)"""

    seed: int = 1
    """the same seed and arguments give the identical history"""

    results: Path = RESULTS
    """where the result folder is made"""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class HuntOptions:
    """How long a hunt searches, and what it tries."""

    binary: Annotated[str | None, Parameter(name="--bin")] = None
    """a command that speaks Maelstrom's protocol, started once for each node, instead of a target"""

    host: str | None = None
    """a command that holds nodes of your own, in any language, in the simulator's time (docs/node-protocol.md)"""

    cluster: Path | None = None
    """a cluster.toml that describes a system, instead of a target"""

    client: str | None = None
    """with --cluster, your own client class as path.py:Name, in place of the file's [client] kind"""

    live: bool = False
    """run the target as processes on this machine instead, in real time"""

    seeds: int | None = None
    """how many seeds to try; 1000 unless --time is given, 20 in real time, where each takes up to 30 s"""

    time: Duration | None = None
    """how long to search instead, such as 5m (real time)"""

    ops: int | None = None
    """operations of each seed; 200 unless given (in the simulator)"""

    first_seed: int = 1
    """where to begin"""

    nodes: int | None = None
    """how many nodes; drawn from the seed unless given, 3 in real time"""

    clients: int | None = None
    """how many clients; drawn from the seed unless given, 10 in real time"""

    workload: str | None = None
    """what the clients do; drawn from the seed unless given"""

    nemesis: Faults | None = None

    shard: str | None = None
    """only a part of the hunt, such as 2/8 for the second of eight; `naysayer merge` puts the parts together"""

    engine: str = "processes"
    """processes of this machine, or dask:ADDRESS"""

    workers: int | None = None
    """how many processes try seeds at once; as many as there are cores unless given (in the simulator)"""

    results: Path = RESULTS
    """where the result folder is made"""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExploreOptions:
    """The scope that is explored, and how much of it."""

    program: Annotated[
        str | None,
        Parameter(
            help="what the clients do: clients separated by |, each with its operations, w (write), r (read), a "
            "(append), d (delete), c or c1 (compare-and-set from nothing or from 1), or all g (a generation); w@n1 "
            'asks one node only; "n1 leads: w | r" begins when n1 leads; unless given, a ladder of small programs and '
            "scopes"
        ),
    ] = None

    origin: Annotated[Path | None, Parameter(name="--from")] = None
    """instead of a program the operations of a failure that is known: a hunt's result, or a timed scenario"""

    nodes: int | None = None
    """how many nodes; as many as the target usually has unless given"""

    crashes: int | None = None
    """how many crashes there may be in all, at any moment, by kill or by power loss; 0 unless given, with a program"""

    timers: int | None = None
    """how many timers may fire in all, at any moment; 0 unless given, with a program"""

    duplicates: int = 0
    """how many messages may arrive twice in all"""

    delays: int | None = None
    """how often a message may be lost or late, or a step overtake one; any number unless given"""

    states: int | None = None
    """after how many states it is cut (a million take some 200 MB); 1 million, for the ladder 5, unless given"""

    time: Duration | None = None
    """after which time it is cut, such as 30s"""

    workers: int = 1
    """how many processes share the scopes of the ladder"""

    engine: str = "processes"
    """processes of this machine, or dask:ADDRESS"""

    results: Path = RESULTS
    """where the result folder is made"""


MODEL_HELP = (
    "what it should be linearizable as: register, cas-register, kv, kv-append, append-list, log, mutex, semaphore, "
    "set, counter, queue, unordered-queue, stack, priority-queue, ids, generation, fenced-register, rmw-register, "
    "multi-register; or another promise: echo, unique-ids, broadcast, g-set, g-counter, pn-counter, kafka; "
    "transactions: txn-list-append, "
    "txn-rw-register, txn-set, txn-counter, or the level of isolation that they must have: strict-serializable, "
    "strong-session-serializable, serializable (unless given), strong-snapshot-isolation, "
    "strong-session-snapshot-isolation, snapshot-isolation, causal, read-atomic, read-your-writes, monotonic-reads, "
    "monotonic-writes, writes-follow-reads, read-committed, PL-2, read-uncommitted; or "
    "path.py:Name of a model of your own; detected if it can be"
)
"""Written out, as importing the models would slow down every start; a test compares."""

FORMAT_HELP = (
    "the file's format: jsonl-events, jsonl-operations, edn, jepsen-json, history-txt, jepsen-log, kv-log, plume, "
    "awdit, dbcop (what they look like: naysayer list); detected if it can be"
)
KEYS_HELP = (
    "where the key of an operation is: tuple, in its value as [key value]; field, in a field of its own; none, for one "
    "object; detected where it is certain"
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """How a recorded history is read and judged."""

    model: Annotated[str | None, Parameter(help=MODEL_HELP)] = None

    format: Annotated[str | None, Parameter(help=FORMAT_HELP)] = None

    keys: Annotated[Keys | None, Parameter(help=KEYS_HELP)] = None

    initial: Annotated[
        str | None,
        Parameter(
            help="the value that every register begins with, as JSON, keyword or bare text; they are empty unless it "
            "is given; of a semaphore the number of permits"
        ),
    ] = None

    html: Path | None = None
    """write a page on the verdict to this file: the operations that matter, the cycle, the whole history over time"""

    certify: bool = False
    """let an independent verifier confirm the proof, and write it beside the history"""

    engine: str | None = None
    """where keys that need a long search are judged: processes of this machine (the default), or dask:ADDRESS"""

    steps: int | None = Budget.steps
    """how many configurations the search may visit on each key before it is undecided"""

    all_keys: bool = False
    """search the other keys further though one is invalid"""

    follow: Annotated[
        bool,
        Parameter(
            help="judge while events come, as JSON lines in a file that is being written, or on stdin (FILE is -); the "
            "first violation ends it, and so does Ctrl-C"
        ),
    ] = False

    seconds: float | None = None
    """how long judging may take, all keys together; steps make a verdict reproducible, seconds do not"""

    memory_mb: int | None = None
    """how much memory it may take for each key; 4096 unless given"""

    @property
    def begins_with(self) -> Any:
        """The initial value of registers; None if none was given."""
        if self.initial is None:
            return None
        import msgspec

        try:
            return msgspec.json.decode(self.initial)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return Token(self.initial) if self.initial.startswith(":") else self.initial

    @property
    def budget(self) -> Budget:
        """The limits for each key. Raises UsageError for one that is not positive."""
        for what, value in (("steps", self.steps), ("seconds", self.seconds), ("memory-mb", self.memory_mb)):
            if value is not None and not value > 0:  # nan is not
                raise UsageError(f"--{what} is {value}; it must be more than 0")
        if self.memory_mb is not None and not memory_is_measured():
            raise UsageError("--memory-mb cannot be enforced: this platform does not tell a process its memory")
        return Budget(self.steps, self.seconds, Budget.memory_mb if self.memory_mb is None else self.memory_mb)
