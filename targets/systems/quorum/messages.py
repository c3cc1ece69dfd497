"""The messages of the quorum store. `op` is the number of the coordinator's operation."""

from __future__ import annotations

from typing import Any, ClassVar

from targets.protocol.node import Message

Version = tuple[float, str]
"""(counter, node): a Lamport time stamp, ordered by counter, then by node. Two writes never have the same one."""

NEVER: Version = (0, "")
"""The version of a key that was never written."""


def stamp(version: Version) -> str:
    """A version as reports show it: `3.n2`."""
    counter, node = version
    return f"{counter:g}.{node}" if node else f"{counter:g}"


class Get(Message, frozen=True, tag="get"):
    """Phase 1: asks a replica for the version and value that it holds."""

    exchange: ClassVar[tuple[str, ...]] = ("op",)
    op: int
    key: Any


class Got(Message, frozen=True, tag="got"):
    """The answer to a Get."""

    exchange: ClassVar[tuple[str, ...]] = ("op",)
    op: int
    version: Version
    value: Any

    def content(self) -> str:
        return "no value" if self.version == NEVER else f"{self.value} @{stamp(self.version)}"


class Put(Message, frozen=True, tag="put"):
    """Phase 2: asks a replica to keep this version, unless it holds a newer one."""

    exchange: ClassVar[tuple[str, ...]] = ("op",)
    op: int
    key: Any
    version: Version
    value: Any
    request: str = ""
    """The id of the client's request that this version came from."""

    def content(self) -> str:
        return f"{self.value} @{stamp(self.version)}"


class Stored(Message, frozen=True, tag="stored"):
    """The answer to a Put: that version or a newer one is durable here."""

    exchange: ClassVar[tuple[str, ...]] = ("op",)
    op: int
