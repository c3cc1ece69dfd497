"""Properties other than linearizability, for workloads whose systems promise something else (Maelstrom's exercises).

Each file has a `decide(part)` that answers with a Decision, like a monitor, but decides always. They see the whole
history, failed operations included. Violations name operations as #index.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from checker.history import OK, History
from checker.verdict import Decision

PROPERTIES: dict[str, str] = {
    "echo": "each answer repeats its question",
    "unique-ids": "no id is handed out twice",
    "broadcast": "what was acknowledged is in every final read, and nothing else",
    "g-set": "what was acknowledged is in every final read, and nothing else",
    "g-counter": "every final read is a sum that the increments allow",
    "pn-counter": "every final read is a sum that the increments allow",
    "kafka": "offsets are unique and ordered, and no acknowledged message is skipped",
    "txn-list-append": "serializability: no cycle of dependencies between transactions",
    "txn-rw-register": "serializability: no cycle of dependencies between transactions",
}

_MODULES = {
    "echo": "echo",
    "unique-ids": "echo",
    "broadcast": "eventual",
    "g-set": "eventual",
    "g-counter": "eventual",
    "pn-counter": "eventual",
    "kafka": "kafka",
    "txn-list-append": "transactions",
    "txn-rw-register": "transactions",
}


def decider(name: str) -> Callable[[History], Decision]:
    """The decide function of a property by its name in PROPERTIES. Where nothing ended ok, nothing is promised."""
    module = import_module(f"checker.properties.{_MODULES[name]}")
    decide: Callable[[History], Decision] = module.DECIDERS[name]

    def decide_seen(part: History) -> Decision:
        decision = decide(part)
        if decision.outcome == "valid" and not (part.status == OK).any():
            return Decision("unknown", decision.method, reason="no operation ended ok, so nothing was seen")
        return decision

    return decide_seen
