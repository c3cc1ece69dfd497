"""Client sessions (dissertation §6.3): a command that arrives twice is executed once and answered twice alike.

A retry carries the id of the first try. Each replica keeps, as part of the replicated state, what it answered to each
client, and forgets a client that was silent for longer than the expiry: measured by the time in the log entries, the
same on all replicas, never by its own clock. Nothing protects a retry that comes later than that.
"""

from __future__ import annotations

from typing import Any

import msgspec

from targets.protocol.node import NodeId, Request
from targets.systems.raft.machine import Refusal, frozen

RESPONSES_MAX = 32
"""Answers kept per client: older ones belong to operations whose client has long gone on."""


class Response(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was answered to one command."""

    id: str
    output: Any
    refused: bool


class Session(msgspec.Struct, array_like=True):
    """One client's answers, oldest first, and when (log time, ms) it last did something."""

    client: NodeId
    active_ms: float
    responses: list[Response]


class Sessions:
    """All sessions, the longest silent first."""

    def __init__(self, sessions: list[Session] | None = None) -> None:
        self._active: dict[NodeId, float] = {}
        self._responses: dict[NodeId, dict[str, Response]] = {}
        for session in sessions or []:
            self._active[session.client] = session.active_ms
            self._responses[session.client] = {response.id: response for response in session.responses}

    def dump(self) -> list[Session]:
        """All of it, for a snapshot."""
        return [
            Session(client, active_ms, list(self._responses[client].values()))
            for client, active_ms in self._active.items()
        ]

    def __len__(self) -> int:
        return len(self._active)

    def has_answered(self, request: Request) -> bool:
        return request.id in self._responses.get(request.client, ())

    def answer(self, request: Request) -> Any:
        """What was answered before."""
        response = self._responses[request.client][request.id]
        return Refusal(response.output) if response.refused else frozen(response.output)

    def remember(self, request: Request, output: Any, time_ms: float) -> None:
        """Keep an answer for the retries that may come."""
        refused = isinstance(output, Refusal)
        responses = self._responses.setdefault(request.client, {})
        responses[request.id] = Response(request.id, output.error if refused else output, refused)
        if len(responses) > RESPONSES_MAX:
            del responses[next(iter(responses))]
        self._active.pop(request.client, None)
        self._active[request.client] = time_ms

    def expire(self, before_ms: float) -> None:
        """Forget the clients that did nothing since `before_ms`."""
        while self._active:
            client, active_ms = next(iter(self._active.items()))
            if active_ms >= before_ms:
                return
            del self._active[client], self._responses[client]


class ClusterClock:
    """The time that a leader writes into entries: it continues from the log's, at the rate of the leader's clock.

    Each reading of the clock advances it by at most `step_ms_max`, so that a clock that jumps cannot expire all
    sessions.
    """

    def __init__(self, log_ms: float, now_ms: float, step_ms_max: float) -> None:
        self.time_ms = log_ms
        self._seen_ms = now_ms
        self._step_ms_max = step_ms_max

    def advance(self, now_ms: float) -> float:
        """The cluster's time now."""
        self.time_ms += min(max(0.0, now_ms - self._seen_ms), self._step_ms_max)
        self._seen_ms = now_ms
        return self.time_ms
