"""The operations of a run, packed while it goes on: a run of hours must not fill the memory.

As an object an operation takes some 400 bytes. Most of that is the same from one to the next, so blocks of them are
pickled and compressed: 20 to 40 bytes each, for 4 us of CPU. Unpacked they are equal to what was put in, also in the
types of their values. Only the last block is kept as objects.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator

from msgspec.structs import astuple

from checker.history import Operation

BLOCK = 1024
"""Operations packed at a time, within 5 ms."""

LEVEL = 1
"""Of zlib: the fastest."""


class PackedOperations:
    """A list of operations that can only grow."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._last: list[Operation] = []

    def append(self, operation: Operation) -> None:
        if len(self._last) == BLOCK:
            plain = pickle.dumps([astuple(one) for one in self._last], pickle.HIGHEST_PROTOCOL)
            self._packed.append(zlib.compress(plain, LEVEL))
            self._last = []
        self._last.append(operation)

    def __len__(self) -> int:
        return len(self._packed) * BLOCK + len(self._last)

    def since(self, first: int) -> Iterator[Operation]:
        """The operations without the first `first`; those that are appended meanwhile are left out."""
        packed, last = self._packed[first // BLOCK :], self._last[max(0, first - len(self._packed) * BLOCK) :]
        skipped = first % BLOCK
        for block in packed:
            yield from (Operation(*fields) for fields in pickle.loads(zlib.decompress(block))[skipped:])
            skipped = 0
        yield from last
