"""What the replicas of the quorum store say to each other. `op` names the coordinator's operation."""

from __future__ import annotations

from typing import Any, ClassVar

from targets.protocol.node import Message

Version = tuple[float, str]
"""(counter, node): a logical time stamp, ordered by counter, then by node."""

NEVER: Version = (0, "")
"""The version of a key that nobody has written."""


def stamp(version: Version) -> str:
    """A version as reports show it: `3.n2`."""
    counter, node = version
    return f"{counter:g}.{node}" if node else f"{counter:g}"


class Get(Message, frozen=True, tag="get"):
    """What do you hold?"""

    exchange: ClassVar[tuple[str, ...]] = ("op",)
    op: int
    key: Any


class Got(Message, frozen=True, tag="got"):
    """This."""

    exchange: ClassVar[tuple[str, ...]] = ("op",)
    op: int
    version: Version
    value: Any

    def content(self) -> str:
        return "no value" if self.version == NEVER else f"{self.value} @{stamp(self.version)}"


class Put(Message, frozen=True, tag="put"):
    """Keep this, unless you hold something newer."""

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
    """It, or something newer, is durable here."""

    exchange: ClassVar[tuple[str, ...]] = ("op",)
    op: int
