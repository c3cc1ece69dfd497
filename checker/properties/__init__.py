"""Properties other than linearizability, for workloads whose systems promise something else (Maelstrom's exercises).

Each file has a `decide(part)` that answers with a Decision, like a monitor, but decides always. They see the whole
history, failed operations included. Violations name operations as #index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from checker.history import History, Operation
from checker.properties.eventual import Lack
from checker.verdict import Decision

PROPERTIES: dict[str, str] = {
    "echo": "each reply repeats its request",
    "unique-ids": "no id is handed out twice",
    "broadcast": "what was acknowledged is in every final read, and nothing else",
    "g-set": "what was acknowledged is in every final read, and nothing else",
    "g-counter": "every final read is a sum that the increments allow",
    "pn-counter": "every final read is a sum that the increments allow",
    "kafka": "offsets are unique and ordered, no acknowledged message is skipped, committed offsets were committed",
}

_MODULES = {
    "echo": "echo",
    "unique-ids": "echo",
    "broadcast": "eventual",
    "g-set": "eventual",
    "g-counter": "eventual",
    "pn-counter": "eventual",
    "kafka": "kafka",
}


def decider(name: str) -> Callable[[History], Decision]:
    """The decide function of a property by its name in PROPERTIES."""
    decide: Callable[[History], Decision] = import_module(f"checker.properties.{_MODULES[name]}").DECIDERS[name]
    return decide


def lacking(name: str) -> Callable[[Sequence[Operation]], Lack] | None:
    """For a property of what must be there in the end: from what was done to how much of it answers lack.

    None for a property that holds at all times or not at all. It shows whether nodes need more time, not whether they
    are right.
    """
    found: Callable[[Sequence[Operation]], Lack] | None
    found = getattr(import_module(f"checker.properties.{_MODULES[name]}"), "LACKING", {}).get(name)
    return found
