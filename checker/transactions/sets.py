"""Sets that only grow: a read shows whose additions it saw, and whose it missed.

What one transaction added to one set is a register of its own, written once: a read of the set reads all of these. So
every order of versions is known, and additions to one set do not conflict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from checker.history import FAIL, OK
from checker.transactions.local import Locals
from checker.transactions.registers import distinct
from checker.transactions.table import Table, value_text
from checker.transactions.versions import Versions
from checker.values import show

READS_MAX = 50_000_000
"""Reads of additions that are looked at, all together."""

Element = Any


@dataclass
class _Gathered:
    writers: dict[Any, dict[Element, int]] = field(default_factory=dict)
    """By key who added an element."""
    added: dict[Any, dict[int, list[Element]]] = field(default_factory=dict)
    """By key what a transaction added."""
    reads: list[tuple[int, Any, frozenset[Element], frozenset[Element]]] = field(default_factory=list)
    """Transaction, key, what was read, what the transaction had added itself before."""
    ambiguous: str | None = None


def versions(table: Table, found: Locals) -> Versions:
    """The versions of a history of sets; anomalies go to `found`."""
    g = _gather(table)
    happened = table.ok.copy()
    seen: list[tuple[int, Any, set[int]]] = []
    for txn, key, value, own in g.reads:
        saw = _saw(table, found, g, txn, key, value, own)
        seen.append((txn, key, saw))
        happened[list(saw)] = True
    numbers: dict[Any, list[tuple[int, int]]] = {}
    keys: list[Any] = []
    writers: list[int] = []
    for key, by in g.added.items():
        for txn in by:
            if happened[txn]:
                numbers.setdefault(key, []).append((txn, len(keys)))
                keys.append(key)
                writers.append(txn)
    _changed(table, found, seen)
    count = len(keys)
    ambiguous = g.ambiguous
    if sum(len(numbers.get(key, ())) for _, key, _ in seen) > READS_MAX:
        ambiguous, seen = ambiguous or "the sets are too large for their reads to be compared", []
    read_txn: list[int] = []
    read_ver: list[int] = []
    for txn, key, saw in seen:
        for writer, number in numbers.get(key, ()):
            if writer != txn:
                read_txn.append(txn)
                read_ver.append(number + (count if writer in saw else 0))
    everything = np.arange(count)
    none = np.full(count, -1, dtype=np.int64)
    return Versions(
        keys,
        key=np.concatenate([everything, everything]),
        writer=np.concatenate([none, np.array(writers, dtype=np.int64)]),
        after=np.concatenate([everything + count, none]),
        read_txn=np.array(read_txn, dtype=np.int64),
        read_ver=np.array(read_ver, dtype=np.int64),
        happened=happened,
        ambiguous=ambiguous,
    )


def _gather(table: Table) -> _Gathered:
    g = _Gathered()
    status = table.status.tolist()
    for txn in table.failed_last():
        own: dict[Any, set[Element]] = {}
        for f, key, value in table.micros[txn]:
            key = distinct(key)
            if f == "add":
                value = distinct(value)
                known = g.writers.setdefault(key, {}).setdefault(value, txn)
                own.setdefault(key, set()).add(value)
                if known == txn:
                    g.added.setdefault(key, {}).setdefault(txn, []).append(value)
                elif status[txn] != FAIL:
                    both = f"#{table.index(known)} and #{table.index(txn)} both add {show(value)} to {show(key)}"
                    g.ambiguous = g.ambiguous or f"elements are not unique: {both}"
            elif status[txn] == OK:
                g.reads.append((txn, key, frozenset(map(distinct, value or ())), frozenset(own.get(key, ()))))
    return g


def _saw(
    table: Table, found: Locals, g: _Gathered, txn: int, key: Any, value: frozenset[Element], own: frozenset[Element]
) -> set[int]:
    """Whose additions a read shows; anomalies go to `found`."""
    writers = g.writers.get(key, {})

    def add(kind: str, what: str, *txns: int) -> None:
        found.add(
            kind,
            key,
            txns,
            lambda: f"#{table.index(txn)} read {value_text(tuple(value), 'set')} from {show(key)}, {what}",
        )

    if own - value:
        add("internal", f"without its own {show(min(own - value, key=repr))}", txn)
    saw: set[int] = set()
    for element in value - own:
        writer = writers.get(element)
        if writer is None:
            add("phantom-value", f"and no transaction added {show(element)}", txn)
        elif writer == txn:
            add("future-read", f"before it added {show(element)}", txn)
        else:
            saw.add(writer)
    for writer in saw:
        if table.status[writer] == FAIL:
            add("aborted-read", f"with what #{table.index(writer)} added and aborted", writer, txn)
        for element in g.added[key][writer]:
            if element not in value:
                add(
                    "intermediate-read", f"without {show(element)}, which #{table.index(writer)} added too", writer, txn
                )
                break
    return saw


def _changed(table: Table, found: Locals, seen: list[tuple[int, Any, set[int]]]) -> None:
    """Two reads of one set in one transaction that show different additions of others."""
    last: dict[tuple[int, Any], set[int]] = {}
    for txn, key, saw in seen:
        if last.setdefault((txn, key), saw) != saw:
            sentence = f"#{table.index(txn)} read {show(key)} twice, and additions of others came or went between"
            found.add("non-repeatable-read", key, (txn,), lambda sentence=sentence: sentence)  # type: ignore[misc]
