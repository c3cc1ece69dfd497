"""CheckQuorum (dissertation §6.2): a leader that no longer receives answers from a majority steps down.

Followers grant no votes while a leader's heartbeats reach them (§4.2.3). A leader that can send but not receive would
keep that loyalty for good and commit nothing, so in each election timeout a majority must have answered it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from targets.protocol.node import NodeId
from targets.systems.raft.core import ELECTION

if TYPE_CHECKING:
    from targets.systems.raft.node import RaftNode


class CheckQuorum:
    def __init__(self, server: RaftNode) -> None:
        self._server = server
        self.answered: set[NodeId] = set()
        """Followers that answered this leader since its last check."""

    def await_answers(self) -> None:
        """A leader has no election to wait for: its election timer serves the check."""
        self.answered = set()
        self._server.ctx.set_timer(ELECTION, self._server.settings.election_timeout_ms_max)

    def check(self) -> None:
        """Step down unless a majority, this server included, answered within an election timeout."""
        server = self._server
        if server.is_quorum([server.me, *self.answered]):
            self.await_answers()
        else:
            server.become_follower(server.current_term)
