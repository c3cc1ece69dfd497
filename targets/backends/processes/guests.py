"""The connections of one port, bounded: where there are too many, the one that was silent for the longest is ended.

Foreign connections that send nothing would otherwise use up the process' file descriptors, so that no client could
connect. A connection that sends valid messages is kept: clients of a run and peers do so all the time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Guests:
    """At most `connections_max` of them; each is known by the scope that bounds the task which serves it."""

    def __init__(self, connections_max: int) -> None:
        self._connections_max = connections_max
        self._scopes: OrderedDict[trio.CancelScope, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._scopes)

    @contextmanager
    def seat(self, scope: trio.CancelScope) -> Iterator[None]:
        """Accept a connection for the block; if there are too many, the one that has been silent longest is closed."""
        while len(self._scopes) >= self._connections_max:
            silent, _ = self._scopes.popitem(last=False)
            silent.cancel()
        self._scopes[scope] = None
        try:
            yield
        finally:
            self._scopes.pop(scope, None)

    def active(self, scope: trio.CancelScope) -> None:
        """A connection sent a valid message."""
        if scope in self._scopes:
            self._scopes.move_to_end(scope)
