"""A write-ahead log on a flat directory of files: what a node must remember is durable before it is promised.

Records are numbered from 1. They stand in segments `wal-<first index>`, each a sequence of frames:

    length of body u32 | crc of the length u32 | crc of the body u32 | body
    body = first index u64, then for each record its length u32 and its bytes

A batch is one frame, so it is there whole or not at all. A crash can leave the last frame of the last segment short
(a torn tail): recovery cuts it off, since nothing after a torn write was acknowledged. Any other damage (a checksum
that does not match, a missing segment) means that acknowledged records are lost: recovery refuses with a TargetError.
The length has a separate checksum, so that a flipped bit in it does not pass for a torn tail.

A snapshot `snapshot-<index>` holds the state after the record of that index. It is written beside the old one, synced,
renamed, and the directory synced; then segments below it may be cleaned (low-water mark). A new segment's name is made
durable before anything in it is acknowledged. CRC-32C as in the pattern of Joshi, "Patterns of Distributed Systems".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import google_crc32c

from checker.errors import TargetError
from targets.protocol.node import Disk

HEAD = struct.Struct("<III")
LENGTH = struct.Struct("<I")
INDEX = struct.Struct("<Q")

SEGMENT_BYTES = 64 * 1024
"""A segment that has grown to this is closed and a new one begun."""


crc: Callable[[bytes], int] = google_crc32c.value
"""CRC-32C (Castagnoli)."""


@dataclass(frozen=True)
class Recovered:
    """What survived: the newest snapshot, and the records after it, the first of which has index `first`."""

    snapshot: bytes | None
    snapshot_index: int
    first: int
    records: list[bytes]


class WriteAheadLog:
    """Call `recover` once, before anything else. `append` numbers a record; only `sync` makes it durable."""

    def __init__(self, disk: Disk, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._next = 1
        self._segments: list[int] = []
        self._open = ""
        """Name of the last segment, to which records are appended."""
        self._size = 0
        self._unsynced = False

    @staticmethod
    def _name(first: int) -> str:
        return f"wal-{first:020d}"

    # writing

    @property
    def next_index(self) -> int:
        """The index that the next record will get."""
        return self._next

    def append(self, payload: bytes) -> int:
        """Add one record; returns its index."""
        return self.append_batch([payload])

    def append_batch(self, payloads: list[bytes]) -> int:
        """Add records that survive a crash together or not at all; returns the index of the last."""
        if not self._segments or self._size >= self._segment_bytes:
            self._roll()
        for frame in self._frames(payloads):
            self._disk.append(self._open, frame)
            self._size += len(frame)
        self._unsynced = True
        return self._next - 1

    def _frames(self, payloads: list[bytes]) -> list[bytes]:
        """The frames that hold a batch: one, so that its checksum covers the batch as a whole."""
        frame = self._frame(self._next, payloads)
        self._next += len(payloads)
        return [frame]

    @staticmethod
    def _frame(first: int, payloads: list[bytes]) -> bytes:
        body = INDEX.pack(first)
        for payload in payloads:
            body += LENGTH.pack(len(payload)) + payload
        return HEAD.pack(len(body), crc(LENGTH.pack(len(body))), crc(body)) + body

    def sync(self) -> None:
        """Make durable all that was appended; one sync serves all records before it (group commit)."""
        if self._unsynced:
            self._disk.sync(self._open)
            self._unsynced = False

    def _roll(self) -> None:
        """Begin a new segment; what is in the old one is durable first, and so is the new one's name."""
        self.sync()
        self._segments.append(self._next)
        self._open = self._name(self._next)
        self._disk.create(self._open)
        self._sync_names()
        self._size = 0

    def _sync_names(self) -> None:
        """Without this a crash forgets that the new file exists, whatever was synced in it."""
        self._disk.sync_directory()

    # snapshots and cleaning

    def snapshot(self, state: bytes, index: int) -> None:
        """Keep the state after record `index`; it replaces the older snapshot in one step (a rename)."""
        old = self._snapshots()
        name = f"snapshot-{index:020d}"
        self._disk.create("snapshot.tmp")
        self._disk.append("snapshot.tmp", self._frame(index, [state]))
        self._disk.sync("snapshot.tmp")
        self._disk.rename("snapshot.tmp", name)
        self._disk.sync_directory()
        for other in old:
            if other != name:
                self._disk.remove(other)

    def clean(self, below: int) -> None:
        """Remove the segments all of whose records have an index under `below`, the low-water mark."""
        while len(self._segments) > 1 and self._segments[1] <= below:
            self._disk.remove(self._name(self._segments.pop(0)))

    def _snapshots(self) -> list[str]:
        return [name for name in self._disk.names() if name.startswith("snapshot-")]

    # recovery

    def recover(self) -> Recovered:
        """Read what survived, cut a torn tail off, and be ready to append. Raises TargetError for lost records."""
        snapshot, index = self._read_snapshot()
        names = sorted(name for name in self._disk.names() if name.startswith("wal-"))
        if "snapshot.tmp" in self._disk.names():
            self._disk.remove("snapshot.tmp")
        self._segments = [int(name.removeprefix("wal-")) for name in names]
        self._next = self._segments[0] if names else index + 1
        records: list[bytes] = []
        for number, name in enumerate(names):
            first, self._open = self._segments[number], name
            if first != self._next:
                self._missing(self._next, first - 1)
                self._next = first
            data = self._disk.read(name)
            found, valid = self._read_segment(name, data, is_last=number == len(names) - 1)
            if valid < len(data):
                self._cut_tail(name, valid)
            self._size = valid if valid < len(data) else len(data)
            self._next += len(found)
            records += found
        if names and self._segments[0] > index + 1:
            self._missing(index + 1, self._segments[0] - 1)
        self._make_durable()
        if self._next <= index:
            # the snapshot is ahead of all records: what is appended next must be numbered after it
            for name in names:
                self._disk.remove(name)
            self._segments, self._next, records = [], index + 1, []
            return Recovered(snapshot, index, index + 1, [])
        skip = self._covered(index, self._segments[0]) if names else 0
        return Recovered(snapshot, index, index + 1, records[max(0, skip) :])

    def _make_durable(self) -> None:
        """What was read may be in the page cache only; before anything depends on it, it must be durable."""
        if self._segments:
            self._disk.sync(self._open)
            self._sync_names()

    def _missing(self, first: int, last: int) -> None:
        """Records that should be there are not."""
        raise TargetError(f"write-ahead log: records {first} to {last} are missing")

    def _covered(self, index: int, first: int) -> int:
        """How many of the records from `first` on are in the snapshot already and must not be replayed."""
        return index - first + 1

    def _cut_tail(self, name: str, valid: int) -> None:
        """Remove a torn tail durably, so that what is appended next follows the valid records."""
        self._disk.truncate(name, valid)
        self._disk.sync(name)

    def _read_snapshot(self) -> tuple[bytes | None, int]:
        names = sorted(self._snapshots())
        if not names:
            return None, 0
        found, valid = self._read_segment(names[-1], data := self._disk.read(names[-1]), is_last=False)
        if valid != len(data) or len(found) != 1:
            raise TargetError(f"write-ahead log: {names[-1]} is damaged")
        return found[0], int(names[-1].removeprefix("snapshot-"))

    def _read_segment(self, name: str, data: bytes, *, is_last: bool) -> tuple[list[bytes], int]:
        """The records of a segment and the length of its valid part."""
        records: list[bytes] = []
        at = 0
        while at < len(data):
            if len(data) - at < HEAD.size:
                return self._damaged(name, at, records, torn=is_last)
            length, length_crc, body_crc = HEAD.unpack_from(data, at)
            if crc(LENGTH.pack(length)) != length_crc:
                return self._damaged(name, at, records, torn=False)
            body = data[at + HEAD.size : at + HEAD.size + length]
            if not self._intact(body, length, body_crc):
                return self._damaged(name, at, records, torn=is_last and len(body) < length)
            records += self._unpack(body)
            at += HEAD.size + length
        return records, at

    def _intact(self, body: bytes, length: int, checksum: int) -> bool:
        """Whether this is the body that was written."""
        return len(body) == length and crc(body) == checksum

    def _damaged(self, name: str, at: int, records: list[bytes], *, torn: bool) -> tuple[list[bytes], int]:
        """There is no valid frame at this place. Only after a torn write can nothing have been acknowledged."""
        if not torn:
            raise TargetError(f"write-ahead log: {name} is damaged at byte {at}: acknowledged records may be lost")
        return records, at

    @staticmethod
    def _unpack(body: bytes) -> list[bytes]:
        payloads = []
        at = INDEX.size
        while len(body) - at >= LENGTH.size:
            (length,) = LENGTH.unpack_from(body, at)
            payloads.append(body[at + LENGTH.size : at + LENGTH.size + length])
            at += LENGTH.size + length
        return payloads
