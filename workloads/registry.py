"""The workloads by name. To add one: write its file here and name it below."""

from __future__ import annotations

from dataclasses import replace

from checker.errors import unknown_name
from targets.protocol.own_code import beside, is_own, own_part
from workloads import (
    append,
    cas_register,
    containers,
    fenced,
    few_writes,
    kv,
    lock,
    log,
    maelstrom,
    numbers,
    register,
    transactions,
)
from workloads.generator import Workload

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        register.WORKLOAD,
        cas_register.WORKLOAD,
        cas_register.WRITE_ONCE,
        kv.WORKLOAD,
        few_writes.WORKLOAD,
        few_writes.WITH_CAS,
        append.KV_APPEND,
        append.KV_APPEND_WITH_CAS,
        append.APPEND_LIST,
        log.WORKLOAD,
        lock.WORKLOAD,
        containers.SET,
        containers.COUNTER,
        *containers.CONTAINERS,
        numbers.IDS,
        numbers.GENERATION,
        fenced.WORKLOAD,
        transactions.TRANSACTIONS,
        transactions.SNAPSHOTS,
        transactions.MINI,
        *maelstrom.WORKLOADS,
    )
}


def find(name: str) -> Workload:
    """The workload of that name, which may be in a file of the user's. Raises UsageError for an unknown name."""
    if is_own(name):
        found: Workload = own_part(name, "workload", lambda one: isinstance(one, Workload), "Workload {}")
        return replace(found, name=name, model=beside(found.model, name.rpartition(":")[0]))
    if name not in WORKLOADS:
        raise unknown_name("workload", name, WORKLOADS)
    return WORKLOADS[name]


def names() -> tuple[str, ...]:
    """All names, in the order in which lists show them."""
    return tuple(WORKLOADS)
