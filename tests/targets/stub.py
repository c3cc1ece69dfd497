"""A context for one node alone: it keeps what the node did, and nothing happens by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from targets.protocol.node import Message, NodeId, Reply, Request, Timer


@dataclass
class Stub:
    """A context that keeps what the server did."""

    disk: Any
    me: NodeId = "n1"
    nodes: tuple[NodeId, ...] = ("n1", "n2", "n3")
    random: Random = field(default_factory=lambda: Random(1))
    sent: list[tuple[NodeId, Message]] = field(default_factory=list)
    answers: list[Reply] = field(default_factory=list)
    timers: dict[Timer, float] = field(default_factory=dict)

    def now_ms(self) -> float:
        return 0.0

    def send(self, to: NodeId, message: Message) -> None:
        self.sent.append((to, message))

    def reply(self, request: Request, output: Any = None) -> None:
        self.answers.append(Reply(request.id, "ok", output))

    def fail(self, request: Request, error: str, leader: NodeId | None = None) -> None:
        self.answers.append(Reply(request.id, "fail", None, error, leader))

    def info(self, request: Request, error: str) -> None:
        self.answers.append(Reply(request.id, "info", None, error))

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        self.timers[timer] = after_ms

    def cancel_timer(self, timer: Timer) -> None:
        self.timers.pop(timer, None)
