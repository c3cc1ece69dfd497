"""The replicated state machine: a key-value store that carries every request out once."""

from __future__ import annotations

from typing import Any

from targets.protocol.node import Request
from targets.systems.executed_once import AnswerTable

ANSWERS_MAX = 10_000
"""How many answers are remembered; the same ones on every replica, as all execute the same commands in order."""


class StateMachine:
    """Deterministic: replicas that executed the same commands hold the same values and gave the same answers."""

    operations = frozenset({"read", "write", "cas", "delete"})

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        self.answers: AnswerTable[Any] = AnswerTable(ANSWERS_MAX)

    def execute(self, request: Request) -> Any:
        """Carry the request out, unless that was done before: then only its answer is given again."""
        if request.id in self.answers:
            return self.answers[request.id]
        output = self.apply(request)
        self.answers.remember(request.id, output)
        return output

    def apply(self, request: Request) -> Any:
        """One operation on the values; its output."""
        match request.f:
            case "read":
                return self.values.get(request.key)
            case "write":
                self.values[request.key] = request.input
            case "delete":
                self.values.pop(request.key, None)
            case "cas":
                expected, value = request.input
                if self.values.get(request.key) != expected:
                    return False
                self.values[request.key] = value
                return True
        return None
