"""The replicated state machine: a map from keys to values, where a value may also be a list that grows (a log).

Deterministic: what an operation does depends on the state and its arguments only. Operations:
read, write, cas, delete, add (a counter), append. Appending a string to a key concatenates, as key-value stores do;
appending anything else adds it to the key's list and returns its offset, and a read with an offset returns that item.
"""

from __future__ import annotations

from typing import Any

import msgspec

QUERIES = frozenset({"read"})
"""Operations without effect: they need not go through the log."""
COMMANDS = frozenset({"write", "cas", "delete", "append", "add"})


class Refusal(msgspec.Struct, frozen=True):
    """The outcome of an operation that does not fit the value it met: nothing happened."""

    error: str


def frozen(value: Any) -> Any:
    """JSON lists as tuples, so that values compare equal however they travelled."""
    if isinstance(value, (list, tuple)):
        return tuple([frozen(item) for item in value])
    return value


class StateMachine:
    """The map. `query` answers reads, `apply` carries out commands; a Refusal means that nothing was done."""

    def __init__(self, items: list[tuple[Any, Any]] | None = None) -> None:
        self._values = {frozen(key): frozen(value) for key, value in items or []}

    def items(self) -> list[tuple[Any, Any]]:
        """All of it, for a snapshot."""
        return list(self._values.items())

    def query(self, key: Any, offset: Any) -> Any:
        """The value of a key, None if absent; or the item at an offset of a list, None after its end."""
        value = self._values.get(frozen(key))
        if offset is None:
            return value
        if value is None:
            return None
        if not isinstance(value, tuple) or not isinstance(offset, int):
            return Refusal(f"no list at key {key!r}")
        return value[offset] if 0 <= offset < len(value) else None

    def apply(self, f: str, key: Any, input: Any) -> Any:
        """Carry out one command and return its output."""
        key, argument = frozen(key), frozen(input)
        match f:
            case "write":
                self._values[key] = argument
                return None
            case "cas":
                return self._cas(key, argument)
            case "delete":
                self._values.pop(key, None)
                return None
            case "append":
                return self._append(key, argument)
            case "add":
                return self._add(key, argument)
        return Refusal(f"unknown operation {f}")

    def _cas(self, key: Any, change: Any) -> Any:
        if not isinstance(change, tuple) or len(change) != 2:
            return Refusal(f"cas needs (from, to), not {change!r}")
        if self._values.get(key) != change[0]:
            return False
        self._values[key] = change[1]
        return True

    def _append(self, key: Any, item: Any) -> Any:
        value = self._values.get(key)
        if isinstance(item, str) and not isinstance(value, tuple):
            if value is not None and not isinstance(value, str):
                return Refusal(f"no string at key {key!r}")
            self._values[key] = (value or "") + item
            return None
        if value is not None and not isinstance(value, tuple):
            return Refusal(f"no list at key {key!r}")
        self._values[key] = (*(value or ()), item)
        return len(value or ())

    def _add(self, key: Any, amount: Any) -> Any:
        value = self._values.get(key, 0)
        if not isinstance(value, int | float) or not isinstance(amount, int | float):
            return Refusal(f"no number at key {key!r}")
        self._values[key] = value + amount
        return None
