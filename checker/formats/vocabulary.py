"""The operations' names that models know, and the names other tools use for them."""

from __future__ import annotations

ALIASES = {"get": "read", "put": "write"}

TRANSACTIONS = {"read": "txn", "write": "txn"}
"""Where operations are lists of micro-operations: those that only read, and those that only write."""

OPERATIONS = frozenset(
    {"read", "write", "cas", "delete", "append"}  # registers, key-value stores, logs and append lists
    | {"acquire", "release", "swap", "fetch-add"}
    | {"add", "remove", "contains"}  # sets and counters
    | {"enqueue", "dequeue", "drain", "push", "pop", "insert", "delete-min", "peek"}
    | {"generate", "next", "fenced-write"}
    | {"echo", "broadcast", "txn"}  # checker.properties
    | {"send", "poll", "final_poll", "commit_offsets", "list_committed_offsets"}
)
"""What any of our models knows; other names are refused unless a model that knows them was given."""

PROMISES: dict[str, frozenset[str]] = {
    "echo": frozenset({"echo"}),
    "unique-ids": frozenset({"generate"}),
    "broadcast": frozenset({"broadcast", "read"}),
    "g-set": frozenset({"add", "read"}),
    "g-counter": frozenset({"add", "read"}),
    "pn-counter": frozenset({"add", "read"}),
    "kafka": frozenset({"send", "poll", "final_poll", "commit_offsets", "list_committed_offsets"}),
    "txn-list-append": frozenset({"txn"}),
    "txn-rw-register": frozenset({"txn"}),
    "txn-set": frozenset({"txn"}),
    "txn-counter": frozenset({"txn"}),
}
"""The operations of what checker.properties judges; others would be passed over there, and nothing be judged."""

WITHOUT_INPUT = frozenset({"read", "dequeue", "drain", "pop", "delete-min", "peek", "generate", "next", "acquire"})
"""Operations that are invoked without a value, and complete with what they found."""
