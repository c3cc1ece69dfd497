"""Which operation found whose value, across all keys of a history: the weaker properties are decided from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.history import BEGINNING, Column, History
from checker.monitors.register_columns import register_columns

INITIALLY = -1
"""In `writer`: the value found is the initial one."""
NO_WRITER = -2
"""In `writer`: no operation wrote the value found, or the operation found none."""


@dataclass(frozen=True)
class Found:
    """The operations that happened, in order of call. A cas is a read and a write at once.

    `writer[i]` is the position of the operation whose value operation i found, INITIALLY, or NO_WRITER. `since[i]` is
    the first instant at which some client knew the value that operation i wrote (the least return among it and those
    who found it).
    """

    index: Column
    key: Column
    process: Column
    call: Column
    ret: Column
    reads: NDArray[np.bool_]
    writes: NDArray[np.bool_]
    writer: Column
    since: Column

    def __len__(self) -> int:
        return len(self.call)

    def of_writer(self, column: Column) -> Column:
        """Per operation, the entry of the one whose value it found; BEGINNING for the initial value, and for none."""
        return np.where(self.writer >= 0, column[np.maximum(self.writer, 0)], BEGINNING)

    def unknown(self) -> NDArray[np.bool_]:
        """The operations that found a value that no operation wrote."""
        return np.asarray(self.reads & (self.writer == NO_WRITER), dtype=np.bool_)

    def newest_ended(self, news: Column) -> Column:
        """Per operation, the greatest of `news` among those on the same key that returned before its call."""
        newest = np.full(len(self), BEGINNING)
        for rows in self.by_key():
            order = rows[np.argsort(self.ret[rows], kind="stable")]
            so_far = np.append(BEGINNING, np.maximum.accumulate(news[order]))
            newest[rows] = so_far[np.searchsorted(self.ret[order], self.call[rows], side="left")]
        return newest

    def by_key(self) -> list[Column]:
        """The positions of the operations on each key."""
        order = np.argsort(self.key, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.key[order])) + 1)


def found_values(history: History, begins_with: Any = None) -> Found | None:
    """None if an operation is none of a register's, or a value that was found has more than one possible writer."""
    ops = register_columns(history, begins_with)
    if ops is None:
        return None
    key = history.key[ops.row]
    places, ids = np.unique(
        np.concatenate((key * ops.codes + ops.found, key * ops.codes + ops.left)), return_inverse=True
    )
    finds, leaves = ids[: len(ops)], ids[len(ops) :]
    reads, writes, size = ops.found >= 0, ops.left >= 0, len(places)
    kept = np.ones(len(ops), dtype=np.bool_)
    while True:  # pending writes whose value was not found are taken never to have happened
        observed = np.zeros(size, dtype=np.bool_)
        observed[finds[kept & reads]] = True
        fewer = kept & (~ops.pending | observed[leaves])
        if (fewer == kept).all():
            break
        kept = fewer
    initial = np.zeros(size, dtype=np.bool_)
    initial[finds[reads & (ops.found == 0)]] = True
    writers = np.bincount(leaves[kept & writes], minlength=size) + initial
    if (observed & (writers > 1)).any():
        return None
    rows = np.flatnonzero(kept)
    finds, leaves, reads, writes = finds[rows], leaves[rows], reads[rows], writes[rows]
    writer_of = np.where(initial, INITIALLY, NO_WRITER)
    writer_of[leaves[writes]] = np.flatnonzero(writes)
    writer = np.where(reads, writer_of[finds], NO_WRITER)
    since = ops.ret[rows].copy()
    np.minimum.at(since, writer[writer >= 0], ops.ret[rows][writer >= 0])
    at = ops.row[rows]
    return Found(
        history.index[at], key[rows], history.process[at], ops.call[rows], ops.ret[rows], reads, writes, writer, since
    )
