"""The bytes of a file, plain or gzip, in pieces of whole lines; memory stays bounded whatever the file holds."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from checker.errors import HistoryError
from checker.history import Tables

PIECE_BYTES = 512 << 10
LINE_BYTES_MAX = 64 << 20
"""A longer line is refused while it streams in: no recorder writes one, and reading it whole would take the memory."""

_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass
class Source:
    """A file to read a history from. `aliases` renames operations on the way in (get -> read)."""

    path: Path
    aliases: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a reader noticed and the report should say."""
    progress: Callable[[int, int], None] | None = None
    """Called now and then with the number of bytes that are read, and of all."""
    unfinished: int | None = None
    """The line without a line end that the file ends with, once it was met: it may have been cut off."""
    last: int | None = None
    """The last line that is not blank, once it was met."""

    @property
    def name(self) -> str:
        return str(self.path)

    def tables(self) -> Tables:
        """Empty tables that know the aliases."""
        tables = Tables()
        for other, name in self.aliases.items():
            tables.f.alias(other, name)
        return tables

    def error(self, message: str, line: int | None = None) -> HistoryError:
        """The error for this place, ready to be raised."""
        return HistoryError(message, source=self.name, line=line)

    def cut_off(self, line: int, *, surely: bool) -> bool:
        """Whether a line that cannot be read is the last one, and its writer was stopped: the missing line end shows
        it, or `surely` the text, which ends within something (a line end may have been added later)."""
        return line == self.unfinished or (surely and line == self.last)

    def torn(self, line: int, lost: str = "") -> None:
        """Notes that the last line was cut off and is left out."""
        self.notes.append(f"the last line ({line}) is cut off and was left out{lost}")

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Pieces of whole lines, each with the number of its first line (from 1).

        Raises HistoryError for a file that cannot be opened, a spoilt gzip stream and a line that is too long.
        """
        ahead: tuple[int, bytes] | None = None
        for found in self._pieces():
            if ahead is not None:
                yield ahead
            ahead = found
        if ahead is not None:
            line, piece = ahead
            text = piece.rstrip()
            self.last = line + text.count(b"\n") if text else None
            yield ahead

    def _pieces(self) -> Iterator[tuple[int, bytes]]:
        line = 1
        try:
            with self._open() as (stream, file):
                size = os.fstat(file.fileno()).st_size
                begun: list[bytes] = []  # blocks of a line whose end is still to come
                while block := stream.read(PIECE_BYTES):
                    if self.progress is not None:
                        self.progress(file.tell(), size)
                    end = block.rfind(b"\n") + 1
                    if not end:
                        begun.append(block)
                        if sum(map(len, begun)) > LINE_BYTES_MAX:
                            raise self.error(
                                f"a line of more than {LINE_BYTES_MAX >> 20} MB is not a line of a history", line
                            )
                        continue
                    piece = b"".join((*begun, block[:end]))
                    begun = [block[end:]]
                    if line == 1:
                        piece = piece.removeprefix(_BYTE_ORDER_MARK)
                    yield line, piece
                    line += piece.count(b"\n")
                if rest := b"".join(begun):
                    self.unfinished = line
                    yield line, rest.removeprefix(_BYTE_ORDER_MARK) if line == 1 else rest
        except EOFError:
            raise self.error("the gzip data ends early: the file is truncated", line) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self.error(f"the gzip data is damaged ({error})", line) from None
        except OSError as error:
            raise self.error(f"cannot be read: {error.strerror or error}") from None

    def head(self) -> bytes:
        """The first piece: enough to see which format it is."""
        for _, piece in self.pieces():
            return piece
        return b""

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines that are not blank, decoded and stripped, with their numbers."""
        for first, piece in self.pieces():
            for offset, raw in enumerate(piece.split(b"\n")):
                try:
                    text = raw.decode().strip()
                except UnicodeDecodeError:
                    if first + offset == self.unfinished:
                        self.torn(self.unfinished)
                        return
                    raise self.error(
                        "is not text: the line contains bytes that are not UTF-8", first + offset
                    ) from None
                if text:
                    yield first + offset, text

    def every_line(self) -> Iterator[tuple[int, str]]:
        """All lines, decoded, without their line ends, with their numbers."""
        for first, piece in self.pieces():
            whole = piece.removesuffix(b"\n")
            try:
                text = whole.decode()
            except UnicodeDecodeError as error:
                line = first + whole.count(b"\n", 0, error.start)
                if error.start < len(whole) - 4 or line != self.unfinished:
                    raise self.error("contains bytes that are not UTF-8", line) from None
                text = whole[: error.start].decode()  # cut within a character
            yield from enumerate(text.split("\n"), first)

    def text(self, bytes_max: int, what: str) -> str:
        """The whole file as text. Raises HistoryError for more than `bytes_max` bytes, or what is not UTF-8."""
        pieces: list[bytes] = []
        size = 0
        for _, piece in self.pieces():
            pieces.append(piece)
            size += len(piece)
            if size > bytes_max:
                raise self.error(f"is more than {bytes_max >> 20} MB of {what}: record such a history as JSON lines")
        whole = b"".join(pieces)
        try:
            return whole.decode()
        except UnicodeDecodeError as error:
            line = 1 + whole.count(b"\n", 0, error.start)
            if error.start >= len(whole) - 4 and line == self.unfinished:  # cut within a character
                return whole[: error.start].decode()
            raise self.error("contains bytes that are not UTF-8", line) from None

    @contextmanager
    def _open(self) -> Iterator[tuple[BinaryIO | gzip.GzipFile, BinaryIO]]:
        """The bytes of the history, and the file that they come from."""
        if not stat.S_ISREG(mode := self.path.stat().st_mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file: it has to be read more than once"
            raise self.error(f"is {what}")
        with self.path.open("rb") as file:
            magic = file.read(len(_GZIP_MAGIC))
            file.seek(0)
            if magic != _GZIP_MAGIC:
                yield file, file
                return
            with gzip.GzipFile(fileobj=file) as stream:
                yield stream, file
