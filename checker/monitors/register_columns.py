"""The operations of a register, in columns: which value each one found and which value it left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.history import INFO, OK, Column, History

NOTHING = -1
"""In the columns `found` and `left`: the operation found no value (a write), left none (a read)."""

INITIAL = 0
"""In the columns `found` and `left`: the value of a register that was never written."""


@dataclass(frozen=True)
class RegisterColumns:
    """Reads, writes and successful or pending cas of one register, in order of call.

    A read has `found`, a write `left`, a cas both, as value codes (where the register begins with a value other than
    None, the codes of the two have changed places). What proves or changes nothing is left out: failed
    operations, pending reads, pending cas from a value to itself. An ok cas from a value to itself is a read.
    """

    row: Column
    """The row of each operation in the part."""
    call: Column
    ret: Column
    pending: NDArray[np.bool_]
    found: Column
    left: Column
    refused: Column
    """Rows of the part with a cas that was refused (ok, False): it says only that the register did not hold `from`."""
    codes: int
    """All value codes are below this."""

    def __len__(self) -> int:
        return len(self.row)

    def only(self, chosen: NDArray[np.bool_]) -> RegisterColumns:
        """The operations chosen by a mask."""
        if chosen.all():
            return self
        return RegisterColumns(
            self.row[chosen],
            self.call[chosen],
            self.ret[chosen],
            self.pending[chosen],
            self.found[chosen],
            self.left[chosen],
            self.refused,
            self.codes,
        )


def register_columns(part: History, begins_with: Any = None) -> RegisterColumns | None:
    """The columns of a part, or None if it holds an operation that no register has."""
    names = part.tables.f
    reads = part.f == names.code("read")
    writes = part.f == names.code("write")
    deletes = part.f == names.code("delete")
    cas = part.f == names.code("cas")
    if not (reads | writes | deletes | cas).all():
        return None
    ok = part.status == OK
    keep = (ok | (part.status == INFO)) & ~(reads & ~ok)
    found = np.where(reads, part.output, NOTHING)
    left = np.where(writes, part.input, np.where(deletes, INITIAL, NOTHING))
    refused = np.zeros(0, dtype=np.int64)
    if cas.any():
        pairs = _pairs(part, np.flatnonzero(cas & keep))
        if pairs is None:
            return None
        rows, sources, targets = pairs
        no = part.tables.value.code(False)
        yes = part.tables.value.code(True)
        answers = part.output[rows]
        if not np.isin(answers[ok[rows]], (no, yes, INITIAL)).all():
            return None
        was_refused = ok[rows] & (answers == no)
        refused = rows[was_refused]
        found[rows] = sources
        left[rows] = np.where(sources == targets, NOTHING, targets)
        keep[rows] &= ~was_refused & (ok[rows] | (sources != targets))
    first = part.tables.value.code(begins_with)
    if first != INITIAL:
        found, left = _swapped(found, first), _swapped(left, first)
    whole = RegisterColumns(
        np.arange(len(part)), part.call, part.ret, ~ok, found, left, refused, len(part.tables.value)
    )
    return whole.only(keep)


def _swapped(codes: Column, first: int) -> Column:
    """Values renamed such that the one with the code `first` is INITIAL, and None has its code."""
    return np.where(codes == first, INITIAL, np.where(codes == INITIAL, first, codes))


def _pairs(part: History, rows: Column) -> tuple[Column, Column, Column] | None:
    """Codes of `from` and `to` of the cas in these rows; None if an input is no pair."""
    table = part.tables.value
    inputs, place = np.unique(part.input[rows], return_inverse=True)
    pairs = []
    for code in inputs.tolist():
        pair = table.values[code]
        if not isinstance(pair, tuple) or len(pair) != 2:
            return None
        pairs.append((table.code(pair[0]), table.code(pair[1])))
    columns = np.array(pairs, dtype=np.int64).reshape(len(pairs), 2)
    return rows, columns[place, 0], columns[place, 1]
