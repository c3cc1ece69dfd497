"""A client's request on its way through the generation clock."""

from __future__ import annotations

from targets.protocol.node import NodeId, Request


class Task:
    """The request, and the node that it came through."""

    def __init__(self, request: Request, origin: NodeId) -> None:
        self.request = request
        self.origin = origin
        self.tries = 0
        self.writes_before: int | None = None
        """The least number of writes of the key that this one was carried out upon; None if it never was."""
