"""All targets by name. A family's module is imported only when one of its targets is asked for."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from checker.errors import unknown_name
from targets.protocol.own_code import beside, is_own, own_part
from targets.protocol.target import HOST, Target

FAMILIES: dict[str, str] = {
    "wal-kv": "targets.systems.wal",
    "generation-clock": "targets.systems.generation",
    "quorum-kv": "targets.systems.quorum",
    "paxos-register": "targets.systems.paxos",
    "paxos-kv": "targets.systems.paxos",
    "paxos-log": "targets.systems.paxos",
    "raft-log": "targets.systems.raft",
    "raft-txn": "targets.systems.raft_txn",
    "raft-txn-si": "targets.systems.raft_txn",
}
"""Healthy target -> the module whose TARGETS hold it and its broken variants."""


def all_targets() -> tuple[Target, ...]:
    """Every target, family by family, the healthy ones first in each."""
    found: dict[str, Target] = {}
    for module in FAMILIES.values():
        for target in import_module(module).TARGETS:
            found.setdefault(target.name, target)
    return tuple(found.values())


def family(name: str) -> tuple[Target, ...]:
    """The targets of the module that a target of this name would be in; none if there is no such module."""
    module = FAMILIES.get(name.partition("/")[0])
    return () if module is None else tuple(import_module(module).TARGETS)


def find(name: str) -> Target:
    """The target of that name, which may be in a file of the user's; `host:` and a command names a program of theirs.
    Raises UsageError with what is close to it."""
    if name.startswith(HOST):
        found: Target = import_module("targets.backends.host.target").hosted(name)
        return found
    if is_own(name):
        return _own(name)
    for target in family(name):
        if target.name == name:
            return target
    raise unknown_name("target", name, [target.name for target in all_targets()], shown_by="naysayer list")


def _own(name: str) -> Target:
    """A target in a user's file. It goes by the name that finds it again, as plans and scenarios store it."""
    found: Target = own_part(name, "target", lambda one: isinstance(one, Target), "Target {}")
    file = name.rpartition(":")[0]
    workloads = tuple(beside(one, file) for one in found.workloads)
    return replace(found, name=name, workload=beside(found.workload, file), workloads=workloads)
