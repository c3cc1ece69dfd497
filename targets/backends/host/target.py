"""A host's command as a target. Its name is `host:` and the command, so that plans and scenarios can name it."""

from __future__ import annotations

import shlex
from functools import cache

from checker.errors import TargetError, UsageError
from targets.backends.host.node import HostedNode
from targets.backends.host.process import host
from targets.backends.host.requests import OPERATIONS
from targets.backends.simulator import SimulatedCluster
from targets.protocol.node import Request
from targets.protocol.target import HOST, Target

PROBE_MS = 2000.0
"""How long the nodes get to write a file when it is probed whether they do."""


def words_of(command: str) -> tuple[str, ...]:
    """The words of a command, split as a shell does. Raises UsageError where it has none."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"--host {command!r}: {error}") from None
    if not words:
        raise UsageError('--host is empty: name the program that holds nodes, such as --host "java -cp build MyNode"')
    return words


@cache
def hosted(name: str) -> Target:
    """The target of a name that begins with `host:`. Raises UsageError where what follows is no command."""
    words = words_of(name.removeprefix(HOST))
    return Target(
        name=name,
        summary="a program of yours, whose nodes run in a host process",
        node=lambda: HostedNode(host(words)),
        operations=frozenset(OPERATIONS),
        workload="register",
        messages=(),
        workloads=("register",),
        foreign=True,
    )


@cache
def keeps_files(target: Target) -> bool:
    """Whether any node writes a file when it starts or is asked for each operation once: data that is only in memory is
    lost with its process by design, so without being asked for no fault ends one."""
    cluster = SimulatedCluster(target, target.nodes, seed=1)
    try:
        cluster.start()
        for number, (f, (names, _)) in enumerate(OPERATIONS.items()):
            given = (1,) * len(names) if isinstance(names, tuple) else None if names is None else 1
            for node in cluster.nodes:
                request = Request(f"r{number}", f"c{number}", f, "x", given if f != "txn" else (("append", "x", 1),))
                cluster.invoke(request, node, PROBE_MS, lambda reply: None)
        cluster.run(until_ms=PROBE_MS)
    except TargetError:  # the run itself will report it
        pass
    return bool(cluster.keeping_files)
