"""A host's command as a target. Its name is `host:` and the command, so that plans and scenarios can name it."""

from __future__ import annotations

import shlex
from functools import cache

from checker.errors import UsageError
from targets.backends.host.node import HostedNode
from targets.backends.host.process import host
from targets.backends.host.requests import OPERATIONS
from targets.protocol.target import HOST, Target

WORKLOADS = (
    "register",
    "cas-register",
    "kv",
    "write-few-read-many",
    "write-few-with-cas",
    "fenced-register",
    "generation",
    "txn-list-append",
    "ids",
)
"""The workloads whose operations mean one thing only. A program is asked which of them it has (probe.py)."""


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
        workloads=WORKLOADS,
        foreign=True,
    )
