"""Leadership transfer (dissertation §3.10): bring the successor up to date, then ask it to start an election at
once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from targets.protocol.node import NodeId, Request
from targets.systems.raft.messages import TimeoutNow

if TYPE_CHECKING:
    from targets.systems.raft.node import RaftNode

TRANSFER = "transfer"


class Transfer:
    def __init__(self, server: RaftNode) -> None:
        self._server = server
        self.request: Request | None = None
        """The request under way: meanwhile no commands are accepted."""
        self.sent_timeout_now = False

    def start_leading(self) -> None:
        self.sent_timeout_now = False

    def start(self, request: Request) -> None:
        """Hand over to the node `request.input`; fails if it does not lead within an election timeout."""
        server = self._server
        if self.request is not None or request.input not in server.peers:
            server.ctx.fail(request, "cannot hand over: no other member of that name, or a transfer is under way")
            return
        self.request = request
        server.ctx.set_timer(TRANSFER, server.settings.election_timeout_ms_max)
        self.hand_over_when_ready(request.input)

    def hand_over_when_ready(self, peer: NodeId) -> None:
        """TimeoutNow once the successor has the whole log. It may arrive late, so this term has no more leases."""
        server = self._server
        if self.request is None or self.request.input != peer:
            return
        if server.match_index.get(peer, 0) >= server.log.last_index:
            server.reads.end_lease()
            self.sent_timeout_now = True
            server.ctx.send(peer, TimeoutNow(server.current_term))

    def on_timeout(self) -> None:
        if self.request is not None:
            self._server.ctx.info(self.request, "the successor did not take over in time")
            self.request = None

    def stop_leading(self) -> None:
        if self.request is None:
            return
        if self.sent_timeout_now:
            self._server.ctx.reply(self.request, self.request.input)
        else:
            self._server.ctx.info(self.request, "leadership was lost before the successor was up to date")
        self.request = None
        self._server.ctx.cancel_timer(TRANSFER)

    def on_timeout_now(self, sender: NodeId, message: TimeoutNow) -> None:
        """The leader of this term wishes it: no pre-vote, and voters may leave their live leader."""
        server = self._server
        if message.term == server.current_term and server.role == "follower" and server.membership.may_campaign():
            server.start_election(leadership_transfer=True)
