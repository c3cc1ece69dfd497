"""From an event to the next one that matters: of a node, of an operation, a change of role, a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from naysayer.exchanges import by_operation
from naysayer.explorer.replay import Replayed
from naysayer.views import ROLE, standing
from targets.backends.simulator.traced import Step
from targets.protocol.node import NodeId

Towards = Literal["next", "previous"]

COMMITS = ("commit", "applied")
"""Names of `standing` that show how far a log is committed."""


class Stepping:
    """The events of one run by what they concern."""

    def __init__(self, replayed: Replayed) -> None:
        self._events = replayed.events
        self._changes = replayed.changes
        self._operations = self._by_operation(replayed)

    def find(self, number: int, towards: Towards, wanted: Callable[[int], bool]) -> int | None:
        """The nearest event after (or before) this one for which it holds; None if there is none."""
        last = len(self._events)
        numbers = range(number + 1, last + 1) if towards == "next" else range(min(number, last + 1) - 1, 0, -1)
        return next((one for one in numbers if wanted(one)), None)

    def of_node(self, node: NodeId) -> Callable[[int], bool]:
        """Whether an event is one of this node."""
        return lambda number: self._events[number - 1].place == node

    def of_operation(self, index: int) -> Callable[[int], bool]:
        """Whether an event is part of this operation: its request, a message of it, its answer."""
        mine = self._operations.get(index, frozenset())
        return lambda number: number in mine

    def role(self, number: int) -> bool:
        """Whether a node's role changes in an event."""
        return self._differs(number, (ROLE,))

    def commit(self, number: int) -> bool:
        """Whether a node commits in an event."""
        return self._differs(number, COMMITS)

    def fault(self, number: int) -> bool:
        """Whether an event is a fault, or what ends one."""
        return self._events[number - 1].what == "fault"

    def _differs(self, number: int, names: tuple[str, ...]) -> bool:
        step: Step | None = self._changes.get(number)
        if step is None or not step.before:
            return False
        before, after = standing(step.before), standing(step.after)
        return any(before.get(name) != after.get(name) for name in names)

    def _by_operation(self, replayed: Replayed) -> dict[int, frozenset[int]]:
        arrived: dict[tuple[str, str, int], list[int]] = {}
        found: dict[int, set[int]] = {index: set() for index in replayed.operations.values()}
        for number, event in enumerate(self._events, 1):
            if event.what in ("message", "reply", "ignored"):
                arrived.setdefault((event.sender, event.place, event.number), []).append(number)
            if event.what in ("invoke", "timeout") and event.content.id in replayed.operations:
                found[replayed.operations[event.content.id]].add(number)
        for request, messages in by_operation(replayed.replay.sent).items():
            if request in replayed.operations:
                mine = found[replayed.operations[request]]
                for sent in messages:
                    mine.update(arrived.get((sent.source, sent.dest, sent.number), ()))
        return {index: frozenset(numbers) for index, numbers in found.items()}
