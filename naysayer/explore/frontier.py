"""Linearizability of one register, while a history grows: all ways in which its operations may have taken effect.

A frontier is the set of configurations that the history so far allows: the register's value, and the open operations
that have taken effect with what they return. Each is a small number, and each change of one is computed once (the
search of Wing and Gong 1993, step by step; Lowe 2017 keeps such sets too).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

IMPOSSIBLE = -1
"""No configuration is left: no order of the operations explains the replies."""


Value = int | str
"""A number, or a text where something is appended."""


class Operation(NamedTuple):
    """An operation of the program. `value`: what it writes; for a cas, what it expects, and what it writes then."""

    id: str
    f: Literal["read", "write", "append", "cas", "delete", "next"]
    value: Value | tuple[Value | None, Value] | None = None


Effects = frozenset[tuple[str, Any]]
"""Of open operations that have taken effect: the id, and what it returns."""

_Configurations = frozenset[tuple[Any, Effects]]


class Frontiers:
    """All frontiers that were met, by number; the first one, 0, is that of an empty register without operations."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[frozenset[Operation], _Configurations], int] = {}
        self._frontiers: list[tuple[frozenset[Operation], _Configurations]] = []
        self._invoked: dict[tuple[int, Operation], int] = {}
        self._returned: dict[tuple[int, str, str, Any], int] = {}
        self._number(frozenset(), frozenset({(None, frozenset())}))

    def invoke(self, frontier: int, operation: Operation) -> int:
        """The frontier after an invocation."""
        found = self._invoked.get((frontier, operation))
        if found is None:
            opened, configurations = self._frontiers[frontier]
            opened |= {operation}
            found = self._invoked[frontier, operation] = self._number(opened, _closed(opened, configurations))
        return found

    def answer(self, frontier: int, id: str, status: str, output: Any) -> int:
        """The frontier after a reply: ok with its output, fail (did not and will not happen), info (stays open)."""
        if status == "info":
            return frontier
        key = (frontier, id, status, output)
        found = self._returned.get(key)
        if found is None:
            opened, configurations = self._frontiers[frontier]
            left = frozenset(one for one in opened if one.id != id)
            done = (id, output)
            if status == "ok":
                kept = frozenset((value, effects - {done}) for value, effects in configurations if done in effects)
            else:
                kept = frozenset(one for one in configurations if all(other != id for other, _ in one[1]))
            found = self._returned[key] = self._number(left, kept) if kept else IMPOSSIBLE
        return found

    def _number(self, opened: frozenset[Operation], configurations: _Configurations) -> int:
        key = (opened, configurations)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._frontiers)
            self._frontiers.append(key)
        return found


def _closed(opened: frozenset[Operation], configurations: _Configurations) -> _Configurations:
    """With what follows where open operations take effect, any of them in any order."""
    seen = set(configurations)
    rest = list(configurations)
    while rest:
        value, effects = rest.pop()
        taken = {name for name, _ in effects}
        for one in opened:
            if one.id in taken:
                continue
            held, output = _effect(one, value)
            after = (held, effects | {(one.id, output)})
            if after not in seen:
                seen.add(after)
                rest.append(after)
    return frozenset(seen)


def _effect(operation: Operation, held: Any) -> tuple[Any, Any]:
    """What the register holds after an operation, and what it returns."""
    match operation.f:
        case "read":
            return held, held
        case "write":
            return operation.value, None
        case "append":
            assert isinstance(operation.value, str)
            return (held or "") + operation.value, None
        case "delete":
            return None, None
        case "cas":
            assert isinstance(operation.value, tuple)
            expected, value = operation.value
            return (value, True) if held == expected else (held, False)
        case "next":
            raise AssertionError("generations are judged by themselves")
