"""The format version of what Naysayer writes and reads again: test.toml."""

from __future__ import annotations

from pathlib import Path

import msgspec

from checker.errors import UsageError


class _Stated(msgspec.Struct):
    version: int = 1
    """Files without a version have version 1."""


def refuse_other_version(path: Path, content: bytes, known: int) -> None:
    """Raises UsageError for a TOML file of another format version than the one `known` here.

    Raises msgspec's errors for what is not TOML.
    """
    version = msgspec.toml.decode(content, type=_Stated).version
    if version != known:
        raise UsageError(
            f"{path} has format version {version}, and this version of Naysayer runs format version {known} only; "
            "run it with the version of Naysayer that wrote it (naysayer check still reads its history)"
        )
