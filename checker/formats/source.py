"""The bytes of a file, plain or gzip, in pieces of whole lines; memory stays bounded whatever the file holds."""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Iterator, Mapping
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
    unfinished: int | None = None
    """The line without a line end that the file ends with, once it was met: it may have been cut off."""

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

    def torn(self, line: int, lost: str = "") -> None:
        """Notes that the last line was cut off and is left out."""
        self.notes.append(f"the last line ({line}) is cut off and was left out{lost}")

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Pieces of whole lines, each with the number of its first line (from 1).

        Raises HistoryError for a file that cannot be opened, a spoilt gzip stream and a line that is too long.
        """
        line = 1
        try:
            with self._open() as stream:
                begun: list[bytes] = []  # blocks of a line whose end is still to come
                while block := stream.read(PIECE_BYTES):
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

    def _open(self) -> BinaryIO:
        if not stat.S_ISREG(mode := self.path.stat().st_mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file: it has to be read more than once"
            raise self.error(f"is {what}")
        with self.path.open("rb") as stream:
            magic = stream.read(len(_GZIP_MAGIC))
        return gzip.open(self.path) if magic == _GZIP_MAGIC else self.path.open("rb")  # type: ignore[return-value]
