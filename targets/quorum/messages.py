"""What the replicas of the quorum store say to each other. `op` names the coordinator's operation."""

from __future__ import annotations

from typing import Any

from targets.node import Message

Version = tuple[float, str]
"""(counter, node): a logical time stamp, ordered by counter, then by node."""

NEVER: Version = (0, "")
"""The version of a key that nobody has written."""


class Get(Message, frozen=True, tag="get"):
    """What do you hold?"""

    op: int
    key: Any


class Got(Message, frozen=True, tag="got"):
    """This."""

    op: int
    version: Version
    value: Any


class Put(Message, frozen=True, tag="put"):
    """Keep this, unless you hold something newer."""

    op: int
    key: Any
    version: Version
    value: Any
    request: str = ""
    """The id of the client's request that this version came from."""


class Stored(Message, frozen=True, tag="stored"):
    """It, or something newer, is durable here."""

    op: int
