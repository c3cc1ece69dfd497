"""A workload with other keys than its own: how many at once, for how many clients, and how long each is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from msgspec import Struct, structs

from checker.errors import UsageError
from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Wait, Workload
from workloads.keys import Keys
from workloads.maelstrom import Drain, Messages, Transactions
from workloads.transactions import MiniTransactions

GROUPS_MAX = 10_000
"""More groups than there are clients: integer keys of a group are so far apart."""


class Sizes(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a user may choose of a workload's keys; None: as the workload has it."""

    key_count: int | None = None
    """How many keys are in use at once, by each group of clients."""
    clients_per_key: int | None = None
    """Clients are in groups of so many, each with keys of its own; None: all clients use all keys."""
    ops_per_key: int | None = None
    """After so many operations a key is retired for a fresh one."""
    max_txn_length: int | None = None
    """How many operations a transaction has at most."""


class Groups(Struct, frozen=True):
    """Clients in groups of `size`, each group with a generator, and so with keys, of its own."""

    make: Callable[[], Generator]
    size: int
    members: tuple[Generator, ...] = ()

    def next(self, turn: Turn) -> tuple[Invocation | Wait | None, Generator]:
        group, client = divmod(turn.client, self.size)
        members = (*self.members, *(self.make() for _ in range(len(self.members), group + 1)))
        asked, rest = members[group].next(Turn(turn.now_ms, client, self.size, turn.random))
        if isinstance(asked, Invocation):
            asked = structs.replace(asked, key=_shared(asked.key, group))
        return asked, structs.replace(self, members=(*members[:group], rest, *members[group + 1 :]))

    def observe(self, operation: Operation) -> Generator:
        key, group = _own(operation.key)
        rest = self.members[group].observe(structs.replace(operation, key=key))
        return structs.replace(self, members=(*self.members[:group], rest, *self.members[group + 1 :]))


def _shared(key: Any, group: int) -> Any:
    """A group's key as all clients name it."""
    return key * GROUPS_MAX + group if isinstance(key, int) else f"{key}.{group}"


def _own(key: Any) -> tuple[Any, int]:
    """A key as its group names it, and the group."""
    if isinstance(key, int):
        return divmod(key, GROUPS_MAX)
    own, _, group = key.rpartition(".")
    return own, int(group)


def tailored(workload: Workload, sizes: Sizes, *, integers: bool = False) -> Workload:
    """The workload with keys of these sizes; `integers`: with integers for keys, as Maelstrom's programs expect them.

    Raises UsageError where it has no keys, or no transactions, to which a size could apply.
    """
    if sizes.max_txn_length is not None and workload.operations != {"txn"}:
        raise UsageError(f"--max-txn-length is for workloads of transactions, and {workload.name} has none")
    if workload.name == "kafka":
        return _with_logs(workload, sizes)
    if workload.keys is None or workload.with_keys is None:
        for name in ("key_count", "clients_per_key", "ops_per_key"):
            if getattr(sizes, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} is for workloads with keys, and {workload.name} has none")
        return workload
    if sizes.clients_per_key is not None and workload.operations == {"txn"}:
        raise UsageError(f"--clients-per-key is for operations on one key each, not for {workload.name}")
    count = len(workload.keys.bases) if sizes.key_count is None else sizes.key_count
    keys = Keys(_names(count, workload.keys, integers=integers), sizes.ops_per_key or workload.keys.operations_per_key)
    make = workload.with_keys

    def start() -> Generator:
        started = make(keys)
        if sizes.max_txn_length is not None and isinstance(started, Transactions | MiniTransactions):
            started = structs.replace(started, length_max=sizes.max_txn_length)
        return started

    size, only_reads = sizes.clients_per_key, workload.only_reads
    if size is None:
        return replace(workload, start=start)
    if only_reads is not None:
        return replace(workload, start=lambda: Groups(start, size), only_reads=lambda c, _: only_reads(c % size, size))
    return replace(workload, start=lambda: Groups(start, size))


def _names(count: int, keys: Keys, *, integers: bool) -> tuple[Any, ...]:
    """So many keys: the workload's own as far as they go, then letters, none of which is another with digits."""
    if integers or isinstance(keys.bases[0], int):
        return tuple(range(count))
    more = (_letters(number) for number in range(count + len(keys.bases)))
    return (*keys.bases, *(name for name in more if name not in keys.bases))[:count]


def _letters(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    rest, letter = divmod(number, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("a") + letter)


def _with_logs(workload: Workload, sizes: Sizes) -> Workload:
    if sizes.clients_per_key is not None or sizes.ops_per_key is not None:
        raise UsageError("--clients-per-key and --ops-per-key are for operations on one key each, not for kafka")
    if sizes.key_count is None:
        return workload
    logs = tuple(str(key) for key in range(sizes.key_count))
    return replace(
        workload,
        start=lambda: Messages(logs),
        convergence=lambda: Drain("poll", logs),
        finish=lambda keys: Drain("final_poll", logs),
    )
