"""Values of histories as hashable Python values, such that equal ones are those that Clojure and JSON call equal.

A list or vector is a tuple, a set a Set, a map a Map, a keyword or character a Token; numbers, strings, true, false and
nil are Python's. So a vector is never equal to a set or a map, a keyword never to a string, and sets and maps are equal
by content. Numbers are equal by amount, whatever their type (1, 1N and 1.0 are one number), as in JSON. True is not 1,
which Python does not see: compare with `identity`.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from typing import Any


class Token:
    """An EDN keyword or character, by its text: Token(":x"), Token("\\\\a"). Equal to no string."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def name(self) -> str:
        """The text of a keyword without its colon."""
        return self.text.removeprefix(":")

    def __eq__(self, other: object) -> bool:
        return type(other) is Token and other.text == self.text

    def __hash__(self) -> int:
        return hash((Token, self.text))

    def __repr__(self) -> str:
        return self.text


class Set(frozenset[Any]):
    """A set. It prints as EDN writes it, its elements in one order."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"#{{{' '.join(map(repr, self.in_order()))}}}"

    __str__ = __repr__

    def in_order(self) -> tuple[Any, ...]:
        """The elements as a list, always in the same order."""
        return tuple(sorted(self, key=repr))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Set, (tuple(self),))


class Map(tuple[tuple[Any, Any], ...]):
    """A map, as its pairs in one order. Equal to a map of the same content and to no list of pairs."""

    __slots__ = ()

    def __new__(cls, pairs: Iterable[tuple[Any, Any]]) -> Map:
        return super().__new__(cls, sorted(pairs, key=repr))

    def __eq__(self, other: object) -> bool:
        return type(other) is Map and frozenset(self) == frozenset(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((Map, frozenset(self)))

    def __repr__(self) -> str:
        colon = "" if all(type(key) is Token for key, _ in self) else ":"
        return f"{{{', '.join(f'{key!r}{colon} {value!r}' for key, value in self)}}}"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return (Map, (tuple(self),))


def freeze(value: Any) -> Any:
    """The hashable twin of a decoded value; what is frozen already stays as it is."""
    kind = type(value)
    if kind is list or kind is tuple:
        return tuple([freeze(item) for item in value])
    if isinstance(value, dict):
        return Map((freeze(k), freeze(v)) for k, v in value.items())
    if kind is Map or kind is Set:
        return value
    if isinstance(value, set | frozenset):
        return Set(freeze(item) for item in value)
    if isinstance(value, list | tuple):
        return tuple([freeze(item) for item in value])
    return value


def identity(value: Any) -> Hashable:
    """A key under which only equal values of one kind meet: in Python True == 1, in a history they differ."""
    kind = type(value)
    if kind is tuple:
        return (tuple, tuple([identity(item) for item in value]))
    if kind is bool:
        return (bool, value)
    if kind is Map:
        return (Map, frozenset([(identity(key), identity(item)) for key, item in value]))
    if kind is Set:
        return (Set, frozenset([identity(item) for item in value]))
    if isinstance(value, tuple):  # a named tuple of a model's own
        return (tuple, tuple([identity(item) for item in value]))
    return value  # type: ignore[no-any-return]


def show(value: Any) -> str:
    """A value as explanations show it: at most 40 characters, and the word nothing for None."""
    return "nothing" if value is None else shown(value, 40)


def shown(value: Any, longest: int = 60) -> str:
    """A value as a record shows it, for messages: [1, "a", null], not Python's (1, 'a', None)."""
    text = _shown(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _shown(value: Any) -> str:
    if value is None or type(value) is bool:
        return {None: "null", True: "true", False: "false"}[value]
    if type(value) is str:
        return json.dumps(value, ensure_ascii=False)
    if type(value) is Map:
        return f"{{{', '.join(f'{_shown(key)}: {_shown(item)}' for key, item in value)}}}"
    if type(value) is Set:
        return f"#{{{' '.join(map(_shown, value.in_order()))}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
