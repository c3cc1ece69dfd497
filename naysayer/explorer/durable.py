"""What a power loss would leave of a node: a fresh node recovers from what is durable on its disk, and is looked at.

So it is right for every target, without a word of its own about its files.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from targets.backends.simulator.disk import SimulatedDisk
from targets.protocol.node import Message, Node, NodeId, Request, Timer


class _Alone:
    """The context of a node of which only its recovery is wanted: nothing is sent, and no timer is set."""

    def __init__(self, me: NodeId, nodes: tuple[NodeId, ...], disk: SimulatedDisk, now_ms: Callable[[], float]) -> None:
        self.me = me
        self.nodes = nodes
        self.disk = disk
        self.random = Random(0)
        self.now_ms = now_ms

    def send(self, to: NodeId, message: Message) -> None: ...
    def reply(self, request: Request, output: Any = None) -> None: ...
    def fail(self, request: Request, error: str, leader: NodeId | None = None) -> None: ...
    def info(self, request: Request, error: str) -> None: ...
    def set_timer(self, timer: Timer, after_ms: float) -> None: ...
    def cancel_timer(self, timer: Timer) -> None: ...


def after_power_loss(
    node: Node, me: NodeId, nodes: tuple[NodeId, ...], disk: SimulatedDisk, now_ms: Callable[[], float]
) -> Node | str:
    """The fresh `node`, recovered from what is durable on the disk, which stays as it is; or why it does not start."""
    try:
        node.start(_Alone(me, nodes, disk.durable(), now_ms))
    except Exception as error:  # a disk that a fault has damaged, or a bug of the target
        return f"does not start: {error}"
    return node
