"""Transactions of several reads and writes, judged at the level of isolation that a system promises."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from checker.history import Operation
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.keys import Keys
from workloads.maelstrom import Transactions

KEYS = Keys((0, 1, 2), operations_per_key=60)


class MiniTransactions(Struct, frozen=True):
    """Transactions that write a register only after they have read it, so that the order of versions is known
    (MTC: mini-transactions, Huang et al., PVLDB 2023)."""

    keys: Keys = KEYS
    length_max: int = 2
    written: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        rest, steps = self, list[tuple[str, Any, int | None]]()
        for _ in range(turn.random.randint(1, self.length_max)):
            key, keys = rest.keys.pick(turn.random)
            rest = replace(rest, keys=keys)
            if key in [step[1] for step in steps]:
                continue
            steps.append(("r", key, None))
            if turn.random.random() < 0.6:
                rest = replace(rest, written=rest.written + 1)
                steps.append(("w", key, rest.written))
        return Invocation("txn", None, tuple(steps)), rest

    def observe(self, operation: Operation) -> Generator:
        return self


def _lists(name: str, level: str) -> Workload:
    return Workload(
        name=name,
        summary=f"transactions that read lists and append to them, {level}",
        operations=frozenset({"txn"}),
        model=level,
        start=lambda: Transactions("append", KEYS),
        keys=KEYS,
        with_keys=lambda keys: Transactions("append", keys),
    )


TRANSACTIONS = _lists("transactions", "strict-serializable")
SNAPSHOTS = _lists("transactions-si", "strong-snapshot-isolation")
MINI = Workload(
    name="mini-transactions",
    summary="transactions that read registers and then write them, strict-serializable",
    operations=frozenset({"txn"}),
    model="strict-serializable",
    start=MiniTransactions,
    keys=KEYS,
    with_keys=lambda keys: MiniTransactions(keys),
)
