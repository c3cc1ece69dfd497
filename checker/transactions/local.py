"""Anomalies that single reads show, without any cycle: all of them are counted, and the smallest of each kind kept.

kind                 refuted from        what was seen
-------------------  ------------------  --------------------------------------------------------------
phantom-value        read-uncommitted    a read of what no transaction wrote
duplicate-elements   read-uncommitted    a list with one element twice
incompatible-order   read-uncommitted    two reads of one list, neither of which begins the other
aborted-read (G1a)   PL-2                a read of what a failed transaction wrote
dirty-update         PL-2                a committed write on top of a failed one
intermediate-read    PL-2                a read of what its writer itself overwrote (G1b)
future-read          PL-2                a read of what the transaction itself wrote later
internal             PL-2                a read that contradicts the transaction's own write
non-repeatable-read  read-atomic         two reads of one key in one transaction that differ
lost-update          snapshot-isolation  two transactions that read one version of a key and both wrote the key
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from checker.transactions.levels import Family, Guarantee
from checker.transactions.table import Table

RANK: dict[Family, int] = {
    "read-uncommitted": 0,
    "PL-2": 1,
    "read-committed": 1,
    **dict.fromkeys(get_args(Guarantee), 1),
    "read-atomic": 2,
    "causal": 3,
    "snapshot-isolation": 4,
    "serializable": 5,
}

REFUTED_FROM: dict[str, Family] = {
    "phantom-value": "read-uncommitted",
    "duplicate-elements": "read-uncommitted",
    "incompatible-order": "read-uncommitted",
    "aborted-read": "PL-2",
    "dirty-update": "PL-2",
    "intermediate-read": "PL-2",
    "future-read": "PL-2",
    "internal": "PL-2",
    "non-repeatable-read": "read-atomic",
    "lost-update": "snapshot-isolation",
}

TITLES = {
    "phantom-value": "Phantom value",
    "duplicate-elements": "Applied twice",
    "incompatible-order": "Incompatible order",
    "aborted-read": "Aborted read (G1a)",
    "dirty-update": "Dirty update",
    "intermediate-read": "Intermediate read (G1b)",
    "future-read": "Future read",
    "internal": "Internal inconsistency",
    "non-repeatable-read": "Non-repeatable read",
    "lost-update": "Lost update",
}


@dataclass
class Local:
    """Anomalies of one kind: how many there are, and the smallest: the transactions that show it, and a sentence."""

    kind: str
    count: int
    txns: tuple[int, ...]
    sentence: str
    key: Any
    """The key that it concerns."""
    size: int = 0

    @property
    def refutes(self) -> int:
        """The rank of the weakest family that excludes it."""
        return RANK[REFUTED_FROM[self.kind]]


@dataclass
class Locals:
    """All that were found, by kind."""

    table: Table
    found: dict[str, Local] = field(default_factory=dict)

    def add(self, kind: str, key: Any, txns: Sequence[int], sentence: Callable[[], str]) -> None:
        """Counts one, on a key; its sentence is made only where it is the smallest so far."""
        known = self.found.get(kind)
        if known is not None:
            known.count += 1
            if known.size <= len(txns):
                return
        chosen = tuple(dict.fromkeys(txns))
        size = sum(len(self.table.micros[txn]) for txn in chosen)
        if known is None:
            self.found[kind] = Local(kind, 1, chosen, f"{TITLES[kind]}: {sentence()}.", key, size)
        elif size < known.size:
            self.found[kind] = Local(kind, known.count, chosen, f"{TITLES[kind]}: {sentence()}.", key, size)

    def refuting(self, family: Family) -> Local | None:
        """The gravest that this family excludes."""
        fitting = [one for one in self.found.values() if one.refutes <= RANK[family]]
        return min(fitting, key=lambda one: (one.refutes, list(TITLES).index(one.kind)), default=None)
