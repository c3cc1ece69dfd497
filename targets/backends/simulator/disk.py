"""A node's disk: what the node wrote (the page cache) over what is durable.

A killed process leaves the page cache as it was. A power loss keeps what was synced, and of what was not a drawn
prefix: some of the writes behind the last sync, in order; the last of them torn in its middle if asked for; and some
of the changes of names behind the last `sync_directory`. That is what POSIX allows at least; real disks do worse, and
`flip` does it for them. A failed sync loses what it was to write, as on Linux (Rebello et al., "Can Applications
Recover from fsync Failures?", USENIX ATC 2020).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

FULL = "no space left on device"


class DiskFailure(Exception):  # noqa: N818 - what a process meets as OSError
    """A write or sync failed: the node stops."""


@dataclass
class _File:
    data: bytearray = field(default_factory=bytearray)
    synced: int = 0
    """Length of the durable prefix of `data`."""
    writes: list[int] = field(default_factory=list)
    """Lengths of `data` before each write since the last sync."""
    cut: bytes | None = None
    """The durable content, while a truncation of it is not durable yet."""


class SimulatedDisk:
    """A flat directory. Methods take effect at once; the host calls them in the order of the effects."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._durable_names: dict[str, _File] = {}
        self._name_changes: list[dict[str, _File]] = []
        self.fail_next_sync = False
        self.full = False

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        return bytes(self._files[name].data)

    def create(self, name: str) -> None:
        if self.full:
            raise DiskFailure(FULL)
        self._files[name] = _File()
        self._renamed()

    def append(self, name: str, data: bytes) -> None:
        if self.full:
            raise DiskFailure(FULL)
        file = self._files[name]
        if data:
            file.writes.append(len(file.data))
            file.data += data

    def truncate(self, name: str, size: int) -> None:
        file = self._files[name]
        if size < file.synced:
            if file.cut is None:
                file.cut = bytes(file.data[: file.synced])
            file.synced = size
        del file.data[size:]
        file.writes = [length for length in file.writes if length < size]

    def sync(self, name: str) -> None:
        file = self._files[name]
        if self.fail_next_sync:
            self.fail_next_sync = False
            # as on Linux: the pages are clean, no later sync writes them, and the next start reads what is on the disk
            del file.data[file.synced :]
            file.writes.clear()
            raise DiskFailure(f"fsync of {name} failed: input/output error")
        file.synced = len(file.data)
        file.writes.clear()
        file.cut = None

    def rename(self, old: str, new: str) -> None:
        self._files[new] = self._files.pop(old)
        self._renamed()

    def remove(self, name: str) -> None:
        del self._files[name]
        self._renamed()

    def sync_directory(self) -> None:
        if self.fail_next_sync:
            self.fail_next_sync = False
            raise DiskFailure("fsync of the directory failed: input/output error")
        self._durable_names = dict(self._files)
        self._name_changes.clear()

    def _renamed(self) -> None:
        self._name_changes.append(dict(self._files))

    def durable(self) -> SimulatedDisk:
        """A disk with what every power loss leaves: what was synced, under the names that were synced."""
        left = SimulatedDisk()
        for name, file in self._durable_names.items():
            data = bytearray(file.data[: file.synced] if file.cut is None else file.cut)
            left._files[name] = _File(data, len(data))
        left._durable_names = dict(left._files)
        return left

    def lose_power(self, random: Random, *, torn: bool) -> str:
        """Keep what is durable and a random prefix of the rest; returns what was lost."""
        keep = random.randint(0, len(self._name_changes))
        lost_names = len(self._name_changes) - keep
        names = self._name_changes[keep - 1] if keep else self._durable_names
        lost = 0
        for name in sorted(names):
            file = names[name]
            if file.cut is not None and random.random() < 0.5:
                file.data = bytearray(file.cut)
            elif file.writes:
                ends = [*file.writes, len(file.data)]
                size = ends[random.randint(0, len(ends) - (2 if torn else 1))]
                if torn:
                    # the first write that was not kept completely is torn in its middle
                    behind = min(end for end in ends if end > size)
                    size = random.randint(size, behind - 1)
                size = max(size, file.synced)
                lost += len(file.data) - size
                del file.data[size:]
            file.synced = len(file.data)
            file.writes.clear()
            file.cut = None
        self._files = dict(names)
        self._durable_names = dict(names)
        self._name_changes.clear()
        return f"{lost} unsynced bytes and {lost_names} unsynced names lost"

    def flip(self, random: Random) -> str | None:
        """Flip one stored bit; returns where, or None if nothing is stored."""
        candidates = [name for name in self.names() if self._files[name].data]
        if not candidates:
            return None
        name = candidates[random.randrange(len(candidates))]
        data = self._files[name].data
        at = random.randrange(len(data))
        data[at] ^= 1 << random.randrange(8)
        return f"bit flipped at byte {at} of {name}"
