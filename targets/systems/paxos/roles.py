"""A node that plays several roles: what it sends to itself reaches it without the network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque

from targets.protocol.node import Context, Message, NodeId


class ManyRoles(ABC):
    """Proposer, acceptor and learner in one node. `start` sets the attributes."""

    ctx: Context
    me: NodeId
    nodes: tuple[NodeId, ...]
    inbox: deque[Message]

    @abstractmethod
    def handle(self, sender: NodeId, message: Message) -> None:
        """Take in one message, of another node or of this one."""

    def receive(self, sender: NodeId, message: Message) -> None:
        self.handle(sender, message)
        self.drain()

    def drain(self) -> None:
        """What this node answered to itself needs no network."""
        while self.inbox:
            self.handle(self.me, self.inbox.popleft())

    def send(self, to: NodeId, message: Message) -> None:
        if to == self.me:
            self.inbox.append(message)
        else:
            self.ctx.send(to, message)

    def broadcast(self, message: Message) -> None:
        """To all, to this node's own acceptor first: what it promises or accepts is on disk before another node
        receives the ballot."""
        self.handle(self.me, message)
        for node in self.nodes:
            if node != self.me:
                self.ctx.send(node, message)
