"""The command line: what may be asked, and which file does it. Each command imports its own work only when it runs.

Exit codes everywhere: 0 valid or nothing found, 1 a violation, 2 unknown, 3 error (including bad arguments).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from checker.budget import Budget
from checker.errors import NaysayerError

ERROR = 3
RESULTS = Path("results")

app = App(
    name="naysayer",
    help="Stress-test a replicated system, and explain the violation that it finds. Start with: naysayer list",
    version_flags=["--version"],
    help_format="plaintext",  # markdown would cost 40 ms at every start
    suppress_keyboard_interrupt=False,  # run() tells it
)


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. Errors are one sentence on stderr, never a traceback."""
    try:
        code = app(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        sys.stderr.write(f"naysayer: {_sentence(error)}; see naysayer --help\n")
        return ERROR
    except NaysayerError as error:
        sys.stderr.write(f"naysayer: {error}\n")
        return ERROR
    except KeyboardInterrupt:
        sys.stderr.write("naysayer: interrupted\n")
        return ERROR
    except BrokenPipeError:
        return ERROR
    return code if isinstance(code, int) else 0


def _sentence(error: CycloptsError) -> str:
    return " ".join(str(error).split()).rstrip(".")


Comma = Annotated[str | None, Parameter(help="faults, separated by commas; `none` for none")]


def _names(text: str | None) -> tuple[str, ...] | None:
    """A comma-separated list; None if nothing was said, () for "none"."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip() and name.strip() != "none")


@app.command(name="test")
def run_test(
    target: str | None = None,
    /,
    *,
    live: bool = False,
    bin: str | None = None,
    cluster: Path | None = None,
    client: str | None = None,
    workload: str | None = None,
    nemesis: Comma = None,
    nodes: int | None = None,
    clients: int | None = None,
    ops: int | None = None,
    time: str | None = None,
    seed: int = 1,
    results: Path = RESULTS,
) -> int:
    """Run a target under load and faults, check what the clients saw, and report.

    Args:
        target: a name from `naysayer list`, such as quorum-kv or quorum-kv/no-read-repair; runs in the simulator
        live: run the target as real processes on this machine instead
        bin: a command that speaks Maelstrom's protocol, started once for each node, instead of a target
        cluster: a cluster.toml that tells of a running system, instead of a target
        client: with --cluster, your own client class as path.py:Name, in the place of the file's [client] kind
        workload: what the clients do; each target has a default
        nodes: how many nodes
        clients: how many clients at once
        ops: how many operations in all
        time: how long instead, such as 30s or 2m (virtual time)
        seed: the same seed and arguments give the identical history
        results: where the result folder is made
    """
    from checker.errors import UsageError

    if sum(given is not None for given in (target, bin, cluster)) != 1:
        raise UsageError("say what to test: a target such as quorum-kv, or --bin COMMAND, or --cluster cluster.toml")
    if client is not None and cluster is None:
        raise UsageError("--client needs --cluster cluster.toml, which names the nodes that it connects to")
    limit = None if time is None else seconds(time)
    if live or target is None:
        from naysayer.commands.worlds import test_world

        faults = _names(nemesis)
        return test_world(target, bin, cluster, client, workload, faults, nodes, clients, ops, limit, seed, results)
    from naysayer.commands.test import test_simulated

    return test_simulated(
        target,
        workload=workload,
        nemesis=_names(nemesis),
        nodes=nodes,
        clients=clients,
        operations=ops,
        time_s=limit,
        seed=seed,
        results=results,
    )


@app.command
def check(
    file: Path,
    /,
    *,
    model: str | None = None,
    format: str | None = None,
    certify: bool = False,
    engine: str | None = None,
    steps: int | None = Budget.steps,
    seconds: float | None = None,
    memory_mb: int | None = Budget.memory_mb,
) -> int:
    """Judge a history that was recorded elsewhere: JSON lines, Jepsen EDN or console logs, key-value logs.

    Args:
        file: the history, plain or gzip
        model: what it should be linearizable as, or path.py:Name of a model of your own; detected if it can be
        format: the file's format; detected if it can be
        certify: let an independent verifier confirm the proof, and write it beside the history
        engine: where keys that need a long search are judged: processes of this machine (the default), or dask:ADDRESS
        steps: how many steps the search may take on each key before it is undecided
        seconds: how long it may take on each key; steps make a verdict reproducible, seconds do not
        memory_mb: how much memory it may take for each key
    """
    from naysayer.commands.check import check_file

    budget = Budget(steps, seconds, memory_mb)
    return check_file(file, model=model, format=format, certify=certify, engine=engine, budget=budget)


@app.command
def hunt(
    target: str,
    /,
    *,
    seeds: int | None = None,
    time: str | None = None,
    ops: int = 200,
    first_seed: int = 1,
    nodes: int | None = None,
    workload: str | None = None,
    nemesis: Comma = None,
    engine: str = "processes",
    results: Path = RESULTS,
) -> int:
    """Search seeds in parallel for a failure, shrink it, and tell it.

    Args:
        target: a name from `naysayer list`
        seeds: how many seeds to try; 1000 unless --time is given
        time: how long to search instead, such as 5m (real time)
        ops: operations of each seed
        first_seed: where to begin
        nodes: how many nodes; drawn from the seed unless given
        workload: what the clients do; drawn from the seed unless given
        engine: processes of this machine, or dask:ADDRESS
        results: where the result folder is made
    """
    from naysayer.commands.hunt import hunt_target
    from naysayer.hunt.campaign import Hunt

    limit = None if time is None else seconds(time)
    count = 1000 if seeds is None and limit is None else seeds
    wanted = Hunt(target, count, limit, first_seed, ops, nodes, workload, _names(nemesis))
    return hunt_target(wanted, engine=engine, results=results)


@app.command
def replay(what: Path, /) -> int:
    """Run a result again and confirm that the history is identical; or run a scenario that a hunt has found.

    Args:
        what: a result folder, such as results/quorum-kv/latest, or a scenario.toml
    """
    from naysayer.commands.replay import replay_result

    return replay_result(what)


@app.command
def node(
    target: str,
    /,
    *,
    id: str = "",
    listen: str = "",
    peers: str = "none",
    data: Path | None = None,
    seed: int = 0,
    stdio: bool = False,
) -> int:
    """Run one node of a target as a process: behind TCP, or behind stdin and stdout.

    Args:
        target: a name from `naysayer list`
        id: the node's own name, such as n1
        listen: host:port to listen on
        peers: the other nodes as n2=host:port,n3=host:port
        data: the folder that its log is kept in
        seed: for the node's own random choices
        stdio: speak Maelstrom's protocol instead of TCP
    """
    from naysayer.commands.node import run_node

    return run_node(target, me=id, listen=listen, peers=peers, data=data, seed=seed, stdio=stdio)


@app.command
def heal(cluster: Path, /) -> int:
    """Undo on the hosts of a cluster.toml what a lost run left: partitions, slow links, pauses, wrong clocks.

    Args:
        cluster: the cluster.toml of the run
    """
    from naysayer.commands.heal import heal as heal_hosts

    return heal_hosts(cluster)


@app.command
def doctor(cluster: Path, /, *, nemesis: Comma = None) -> int:
    """Check a cluster.toml before a run: hosts, clocks, the means for each fault, an operation through every node.

    Args:
        cluster: the cluster.toml; the system is started for the check and stopped again, as by a run
    """
    from naysayer.commands.doctor import doctor as examine

    return examine(cluster, _names(nemesis))


@app.command
def init(file: Path | None = None, /, *, node: bool = False) -> int:
    """Write a commented cluster.toml to fill in, or with --node a small node in Python that runs at once.

    Args:
        file: where to write; cluster.toml or node.py unless given
        node: write a node that speaks Maelstrom's protocol, for naysayer test --bin
    """
    from naysayer.commands.init import init as write_file

    return write_file(file or Path("node.py" if node else "cluster.toml"), node=node)


@app.command(name="list")
def list_(*, broken: bool = False) -> int:
    """Show targets, workloads, faults and models, a line each.

    Args:
        broken: show the broken variants with the faults that expose them and the anomaly they show
    """
    from naysayer.commands.listing import list_all

    return list_all(broken=broken)


def seconds(text: str) -> float:
    """A duration such as 500ms, 30s, 5m or 1h, in seconds. Raises UsageError for anything else."""
    import re

    from checker.errors import UsageError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no duration: write 500ms, 30s, 5m or 1h")
    return float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}[found[2]]
