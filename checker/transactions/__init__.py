"""Transactions: at which levels of isolation a history could have run, with a proof either way.

    verdict = judge(history, "txn-list-append", "snapshot-isolation")

`table` (transactions as columns) -> `lists`, `registers`, `sets`, `counters` (versions of each key, anomalies of single
reads: `local`) -> `edges` (who precedes whom) -> `strong` (serializability, snapshot isolation; `choices`, `solver`) or
`weak` (read committed, session guarantees, read atomic, causal: `implied`, `guarantees`) -> `judged` (the ladder of
`levels`, all `cycles` by name, `words`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checker.history import History

MODELS: dict[str, str] = {
    "txn-list-append": "transactions that read lists and append to them, judged at a level of isolation",
    "txn-rw-register": "transactions that read and write registers, judged at a level of isolation",
    "txn-set": "transactions that read sets and add to them, judged at a level of isolation",
    "txn-counter": "transactions that read counters and increment them, judged as serializable",
}
"""The data types, named as models are."""


BY_WRITE = {"append": "txn-list-append", "w": "txn-rw-register", "add": "txn-set", "inc": "txn-counter"}


def data_of(history: History) -> str:
    """The data type of transactions, by the first micro-operation that writes; registers, if none does."""
    values = history.tables.value.values
    for code in history.input.tolist():
        for micro in values[code] or ():
            if micro[0] in BY_WRITE:
                return BY_WRITE[micro[0]]
    return "txn-rw-register"
