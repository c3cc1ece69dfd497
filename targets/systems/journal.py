"""Typed records on the write-ahead log: what a node must remember, one small Struct per change of state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from targets.protocol.node import Disk
from targets.systems.wal.log import WriteAheadLog

_encode = msgspec.json.Encoder().encode


class Journal:
    """The node's durable memory. `kinds` are the tagged Structs that it may hold."""

    def __init__(self, disk: Disk, *kinds: type[msgspec.Struct]) -> None:
        self._disk = disk
        self._log = WriteAheadLog(disk)
        union: Any = kinds[0]
        for kind in kinds[1:]:
            union = union | kind
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(union)

    def recover(self) -> Iterator[Any]:
        """All records that survived, in the order in which they were written. Call it once, before writing.

        A killed process may have left records in the page cache only: they are made durable before the node acts on
        them, or a power loss could take back what it answered after its restart.
        """
        records = self._log.recover().records
        for name in self._disk.names():
            self._disk.sync(name)
        for record in records:
            yield self._decoder.decode(record)

    def note(self, record: msgspec.Struct) -> None:
        """Write without waiting: a power loss may take it, so nothing may be promised on its account."""
        self._log.append(_encode(record))

    def write(self, *records: msgspec.Struct) -> None:
        """Write and make durable: whatever the handler does next happens after the records are safe."""
        for record in records:
            self.note(record)
        self._log.sync()
