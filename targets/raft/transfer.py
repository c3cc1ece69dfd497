"""Leadership transfer (dissertation §3.10): bring the successor up to date, then tell it to campaign at once."""

from __future__ import annotations

from abc import ABC

from targets.node import NodeId, Request
from targets.raft.messages import TimeoutNow
from targets.raft.reads import Reads

TRANSFER = "transfer"


class Transfer(Reads, ABC):
    def __init__(self) -> None:
        super().__init__()
        self.transfer: Request | None = None
        """The request under way: meanwhile no commands are accepted."""
        self.sent_timeout_now = False

    def start_leading(self) -> None:
        self.sent_timeout_now = False
        super().start_leading()

    def start_transfer(self, request: Request) -> None:
        """Hand over to the node `request.input`; fails if it does not lead within an election timeout."""
        if self.transfer is not None or request.input not in self.peers:
            self.ctx.fail(request, "cannot hand over: no other member of that name, or a transfer is under way")
            return
        self.transfer = request
        self.ctx.set_timer(TRANSFER, self.settings.election_timeout_ms_max)
        self.hand_over_when_ready()

    def hand_over_when_ready(self) -> None:
        """TimeoutNow once the successor has the whole log. It may arrive late, so this term has no more leases."""
        if self.transfer is None or self.match_index.get(self.transfer.input, 0) < self.log.last_index:
            return
        self.lease_until_ms = float("-inf")
        self.sent_timeout_now = True
        self.ctx.send(self.transfer.input, TimeoutNow(self.current_term))

    def advance_match_index(self, peer: NodeId, match_index: int) -> None:
        super().advance_match_index(peer, match_index)
        if self.transfer is not None and self.transfer.input == peer:
            self.hand_over_when_ready()

    def extend_lease(self, sent_ms: float) -> None:
        if not self.sent_timeout_now:
            super().extend_lease(sent_ms)

    def on_transfer_timeout(self) -> None:
        if self.transfer is not None:
            self.ctx.info(self.transfer, "the successor did not take over in time")
            self.transfer = None

    def stop_leading(self) -> None:
        if self.transfer is not None:
            if self.sent_timeout_now:
                self.ctx.reply(self.transfer, self.transfer.input)
            else:
                self.ctx.info(self.transfer, "leadership was lost before the successor was up to date")
            self.transfer = None
            self.ctx.cancel_timer(TRANSFER)
        super().stop_leading()

    def on_timeout_now(self, message: TimeoutNow) -> None:
        """The leader of this term wishes it: no pre-vote, and voters may leave their live leader."""
        if message.term == self.current_term and self.role == "follower" and self.may_campaign():
            self.start_election(leadership_transfer=True)
