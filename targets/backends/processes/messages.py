"""The messages that the harness carries, kept for the result folder: all of them, or of a long run the parts that
matter.

While the run lasts they are compressed into a file without a name, which ends with the process. Afterwards `keep`
writes `messages.jsonl`: up to 32 MiB, the beginning, the end, and always what passed while an operation of the
counterexample was under way; a line says how much was left out. Beyond 256 MiB of compressed messages the oldest are
lost. A line is {"time": ns since the run began (negative before), "message": as it was sent}, with "lost", "held" (back
until a release), "copies" or "delay_ms" where the network did something to it.
"""

from __future__ import annotations

import tempfile
import weakref
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import trio

from targets.backends.processes.links import UNTIL_RELEASED

MESSAGES = "messages.jsonl"
BLOCK_BYTES = 128 * 1024
SPOOL_BYTES_MAX = 256 * 1024 * 1024
KEPT_BYTES_MAX = 32 * 1024 * 1024
HEAD_BYTES = 4 * 1024 * 1024
WRITTEN_MORE = len(b'{"time":\n')
"""Bytes that a written line has more than a stored one."""

Span = tuple[int, int]
"""From and to, ns since the run began."""


@dataclass(frozen=True)
class _Block:
    """Some consecutive messages, compressed at `place` of `file`."""

    file: IO[bytes]
    place: int
    length: int
    size: int
    first_ns: int
    last_ns: int
    count: int


class MessageLog:
    """Takes messages in; `keep` writes the file, once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[IO[bytes]] = []
        weakref.finalize(self, _close, self._files)  # a run that failed keeps nothing, and leaves nothing open
        self._blocks: list[_Block] = []
        self._lines: list[bytes] = []
        self._size = 0
        self._first_ns = self._last_ns = 0
        self._began_ns: int | None = None
        self.lost = 0
        """How many are in no file any more."""

    def run_began(self, time_s: float) -> None:
        """By trio's clock, when the time 0 of the history was."""
        self._began_ns = round(time_s * 1e9)

    def note(self, text: bytes, *, delays_ms: Sequence[float] = (0.0,)) -> None:
        """A message was sent, as JSON text; delivered after these delays, once for each (UNTIL_RELEASED: held back)."""
        now_ns = round(trio.current_time() * 1e9)
        fate = b""
        if not delays_ms:
            fate = b',"lost":true'
        elif delays_ms[0] == UNTIL_RELEASED:
            fate = b',"held":true'
        elif len(delays_ms) > 1 or delays_ms[0]:
            delays = ",".join(f"{delay:.3f}" for delay in delays_ms)
            fate = f',"copies":{len(delays_ms)},"delay_ms":[{delays}]'.encode()
        line = b'%d"message":%b%b}' % (now_ns, text, fate)
        if not self._lines:
            self._first_ns = now_ns
        self._last_ns = now_ns
        self._lines.append(line)
        self._size += len(line) + WRITTEN_MORE
        if self._size >= BLOCK_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._lines:
            return
        data = zlib.compress(b"\n".join(self._lines), 1)
        file = self._file(len(data))
        place = file.seek(0, 2)
        file.write(data)
        self._blocks.append(_Block(file, place, len(data), self._size, self._first_ns, self._last_ns, len(self._lines)))
        self._lines, self._size = [], 0

    def _file(self, length: int) -> IO[bytes]:
        """Where to write: two files take turns, and the older one goes when the newer one is full."""
        if not self._files or self._files[-1].tell() + length > SPOOL_BYTES_MAX // 2:
            self._files.append(tempfile.TemporaryFile(dir=self._folder, buffering=0))  # noqa: SIM115 - open as long as the run
        if len(self._files) > 2:
            old = self._files.pop(0)
            self.lost += sum(block.count for block in self._blocks if block.file is old)
            self._blocks = [block for block in self._blocks if block.file is not old]
            old.close()
        return self._files[-1]

    def keep(self, windows: Sequence[Span]) -> None:
        """Write messages.jsonl with at least what passed in these times. Raises OSError."""
        self._flush()
        began_ns = self._began_ns
        if began_ns is None:  # the run never came to its start
            began_ns = self._blocks[0].first_ns if self._blocks else 0
        chosen = self._chosen([(first + began_ns, last + began_ns) for first, last in windows])
        with (self._folder / MESSAGES).open("wb") as out:
            gap = self.lost
            for number, block in enumerate(self._blocks):
                if number not in chosen:
                    gap += block.count
                    continue
                if gap:
                    out.write(b'{"left_out":%d}\n' % gap)
                gap = 0
                out.writelines(self._read(block, began_ns))
            if gap:
                out.write(b'{"left_out":%d}\n' % gap)
        self.close()

    def close(self) -> None:
        """Drop what was not kept."""
        _close(self._files)
        self._blocks, self._lines = [], []

    def _chosen(self, windows: Sequence[Span]) -> frozenset[int]:
        """Which blocks: those of the windows (trio's clock), then the beginning, then from the end backwards."""
        blocks = self._blocks
        chosen = {
            number
            for number, block in enumerate(blocks)
            if any(first <= block.last_ns and block.first_ns <= last for first, last in windows)
        }
        left = KEPT_BYTES_MAX - sum(blocks[number].size for number in chosen)
        head = HEAD_BYTES
        for number, block in enumerate(blocks):
            head -= block.size
            if head < 0 or block.size > left:
                break
            if number not in chosen:
                chosen.add(number)
                left -= block.size
        for number in range(len(blocks) - 1, -1, -1):
            if number not in chosen:
                left -= blocks[number].size
                if left < 0:
                    break
                chosen.add(number)
        return frozenset(chosen)

    @staticmethod
    def _read(block: _Block, began_ns: int) -> Iterator[bytes]:
        block.file.seek(block.place)
        for line in zlib.decompress(block.file.read(block.length)).split(b"\n"):
            time, _, rest = line.partition(b'"')
            yield b'{"time":%d,"%b\n' % (int(time) - began_ns, rest)


def _close(files: list[IO[bytes]]) -> None:
    for file in files:
        file.close()
    files.clear()
