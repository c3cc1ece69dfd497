"""The operations' names that models know, the names other tools use for them, and how a Jepsen `:value` is read."""

from __future__ import annotations

from typing import Any

ALIASES = {"get": "read", "put": "write"}

OPERATIONS = frozenset(
    {"read", "write", "cas", "delete", "append"}  # registers, key-value stores, logs and append lists
    | {"acquire", "release"}
    | {"add", "remove", "contains"}  # sets and counters
    | {"enqueue", "dequeue", "push", "pop", "insert", "delete-min"}
    | {"generate", "next", "fenced-write"}
    | {"echo", "broadcast", "txn"}  # checker.properties
    | {"send", "poll", "final_poll", "commit_offsets", "list_committed_offsets"}
)
"""What any of our models knows; other names are refused unless a model that knows them was given."""

_OBSERVERS = frozenset({"read", "dequeue", "pop", "delete-min", "generate", "next", "acquire", "contains", "cas"})

_WITHOUT_INPUT = frozenset({"read", "dequeue", "pop", "delete-min", "generate", "next", "acquire", "release"})


def value_of(kind: str, f: str, value: Any) -> Any:
    """The input (of an invocation) or output (of a completion) that a Jepsen event's one `:value` stands for.

    A read's value is its output, whatever the invocation carries; a write's completion echoes the input; a cas
    completes with its pair again (it took effect) or with a boolean.
    """
    if kind == "invoke":
        return None if f in _WITHOUT_INPUT else value
    if kind != "ok" or f not in _OBSERVERS:
        return None
    if f == "cas":
        return value if type(value) is bool else True
    return value
