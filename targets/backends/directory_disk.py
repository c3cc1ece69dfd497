"""The Disk of a node that really runs: a folder of files, with fsync of files and of the folder itself."""

from __future__ import annotations

import os
from pathlib import Path


class DirectoryDisk:
    """A Disk over a folder, which is made if it is not there. Errors are the system's OSErrors."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._open: dict[str, int] = {}

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self._folder.iterdir() if entry.is_file())

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def _file(self, name: str) -> int:
        if name not in self._open:
            self._open[name] = os.open(self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        return self._open[name]

    def create(self, name: str) -> None:
        os.ftruncate(self._file(name), 0)

    def append(self, name: str, data: bytes) -> None:
        written = 0
        while written < len(data):
            written += os.write(self._file(name), data[written:])

    def truncate(self, name: str, size: int) -> None:
        os.ftruncate(self._file(name), size)

    def sync(self, name: str) -> None:
        os.fsync(self._file(name))

    def rename(self, old: str, new: str) -> None:
        self._close(old)
        self._close(new)
        os.replace(self._folder / old, self._folder / new)

    def remove(self, name: str) -> None:
        self._close(name)
        (self._folder / name).unlink()

    def sync_directory(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _close(self, name: str) -> None:
        handle = self._open.pop(name, None)
        if handle is not None:
            os.close(handle)

    def close(self) -> None:
        """Let go of all files."""
        for name in list(self._open):
            self._close(name)
