"""Broken variants of the write-ahead log: each overrides one decision of node.py or log.py."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from checker.errors import TargetError
from targets.systems.wal.log import WriteAheadLog
from targets.systems.wal.node import Copy, WalStore

RETENTION_MS = 15.0


class AckBeforeFsync(WalStore):
    """Answers when the record is written but not synced.

    Misconception: buffered data is durable. A power loss takes acknowledged writes with it, and a client reads an older
    value than the one that was acknowledged.
    """

    def make_durable(self) -> None:
        pass


class ApplyBeforeLog(WalStore):
    """A command is visible to readers as soon as it has arrived, before it is in the log.

    Misconception: readers may see what is not yet durable. A client reads the new value, the server dies before the log
    has it, and the next client reads the old value: a non-monotonic read.
    """

    def look_up(self, key: Any) -> Any:
        return self.ahead.get(key)


class CrcIgnoredLog(WriteAheadLog):
    def _intact(self, body: bytes, length: int, checksum: int) -> bool:
        return True

    def _make_durable(self) -> None:
        if self._segments:  # a frame shorter than its length field must be the last of its file
            self._segments = [first for first in self._segments if first < self._next]
            self._roll()
        super()._make_durable()


class CrcIgnored(WalStore):
    """Checksums are stored and never compared.

    Misconception: storing a checksum protects the data. What a torn write left of a batch is replayed as if it were
    complete, and what cannot be decoded is skipped: a value that was cleared and not set, a number without its last
    digits. A client reads what no client wrote.
    """

    log_class = CrcIgnoredLog

    def replay(self, payload: bytes) -> None:
        with suppress(TargetError):
            super().replay(payload)


class AppendAfterTornTailLog(WriteAheadLog):
    def _damaged(self, name: str, at: int, records: list[bytes], *, torn: bool) -> tuple[list[bytes], int]:
        return records, at

    def _cut_tail(self, name: str, valid: int) -> None:
        pass


class AppendAfterTornTail(WalStore):
    """Replay stops at the first damaged frame, and new records are appended after it.

    Misconception: a torn tail is harmless where it is. It hides everything that is appended after it: the next recovery
    stops at the same place, and what was acknowledged since then is lost.
    """

    log_class = AppendAfterTornTailLog


class NoDirectoryFsyncLog(WriteAheadLog):
    def _sync_names(self) -> None:
        pass


class NoDirectoryFsync(WalStore):
    """The content of a new segment is synced, and the directory is not.

    Misconception: the name of a new file is durable. After a power loss the directory does not contain the segment, and
    every acknowledged record in it is lost.
    """

    log_class = NoDirectoryFsyncLog


class CleanByAgeLog(WriteAheadLog):
    def _missing(self, first: int, last: int) -> None:
        pass


class CleanByAge(WalStore):
    """Segments are removed when their records are old, whether or not a snapshot contains them.

    Misconception: old records are in a snapshot. Snapshots may be late or rare: records that no snapshot contains are
    removed, and a restart loses them.
    """

    log_class = CleanByAgeLog

    def __init__(self) -> None:
        super().__init__()
        self._written: list[tuple[float, int]] = []

    def low_water_mark(self) -> int:
        self._written.append((self.ctx.now_ms(), self.applied))
        return max((last + 1 for ms, last in self._written if ms < self.ctx.now_ms() - RETENTION_MS), default=1)


class SnapshotIndexAhead(WalStore):
    """A snapshot is labelled with the end of the log at the time when it is written.

    Misconception: the state does not change while it is written. It was copied earlier: the records since then are
    neither in the snapshot nor replayed, and a restart loses them.
    """

    def snapshot_label(self, copy: Copy) -> int:
        return self.log.next_index - 1


class ReplayOverlapLog(WriteAheadLog):
    def _covered(self, index: int, first: int) -> int:
        return 0


class ReplayOverlap(WalStore):
    """Recovery replays every record that is still in a segment, including those that the snapshot contains.

    Misconception: replay is idempotent. An append is not: after a restart the text is there twice.
    """

    log_class = ReplayOverlapLog


class TornBatchLog(WriteAheadLog):
    def _frames(self, payloads: list[bytes]) -> list[bytes]:
        return [frame for payload in payloads for frame in super(TornBatchLog, self)._frames([payload])]


class TornBatch(WalStore):
    """Each record of a batch is a frame with its own checksum.

    Misconception: a batch is replayed completely or not at all. A power loss keeps its first records: a value was
    cleared, and the value that should replace it is missing. Clients read a state that no operation left.
    """

    log_class = TornBatchLog
