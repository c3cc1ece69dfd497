"""Events that are flat maps on a line of their own, as Jepsen prints them, read without a parser.

A history has few *shapes*: the keys of its maps, in their order. Each becomes a regular expression that matches the
whole line or not at all. What does not match (a string with an escape, a tag, a comment, an event over several lines)
is left to the general reader (edn_text.py), as is every mistake, so that the sentence about it is the same.
"""

from __future__ import annotations

import re
from typing import Any

from checker.formats.edn_text import EdnError, value
from checker.formats.events import KINDS
from checker.formats.jepsen import NEMESIS
from checker.formats.loose import Row
from checker.formats.micro_operations import name_of
from checker.formats.vocabulary import ALIASES
from checker.values import Token

SHAPES_MAX = 24
"""Shapes that are known at a time; a file with more is not what Jepsen prints."""

CACHED_MAX = 100_000
"""Values whose text is remembered."""

_ATOM = r"[^\s,;\"()\[\]{}\\#]++"
_STRING = r"\"[^\"\\\n]*+\""
_INSIDE = rf"[^;\"()\[\]{{}}\\#\n]++|{_STRING}"


def _collections(inside: str) -> str:
    return rf"\[(?:{inside})*+\]|\((?:{inside})*+\)|#?\{{(?:{inside})*+\}}"


_DEEP = _collections(rf"{_INSIDE}|{_collections(rf'{_INSIDE}|{_collections(_INSIDE)}')}")
_FORM = rf"(?:{_ATOM}|{_STRING}|{_DEEP})"
"""One form of at most three levels. What it means is not looked at here."""

_TAG = r"(?:#[\w.\-]+(?:/[\w.\-]+)?\s*)?"
_KEYS = re.compile(r"[{,] *:([\w\-]+)(?= )")
_FIELDS = ("type", "process", "f", "value", "key", "time", "error")
_NEEDED = frozenset({"type", "process", "f"})
_WRITTEN = {"process": r"(?:0|-?[1-9]\d{0,17}|\"[^\"\\\n]*+\")", "time": r"(?:0|-?[1-9]\d{0,17})"}
_NEVER = "(?:(?!)())?"
"""A group without a match, for the fields that a shape does not have."""


class Shape:
    """The keys of a map in their order; `match` a line, and take the groups `order` for _FIELDS."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        groups = {name: number for number, name in enumerate((name for name in keys if name in _FIELDS), 1)}
        pairs = (
            rf":{re.escape(name)} +" + (f"({_WRITTEN.get(name, _FORM)})" if name in _FIELDS else _FORM) for name in keys
        )
        self.match = re.compile(rf"\s*+{_TAG}\{{\s*+{'[ ,]++'.join(pairs)}\s*+\}}{_NEVER}[\s,]*+").fullmatch
        self.order = tuple(groups.get(name, len(groups) + 1) for name in _FIELDS)


class FlatLines:
    """Reads lines of the shapes that it has met."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._likely: list[Shape] = []
        """The last one that matched comes first."""
        self._values = _Values()
        self._names: dict[str, str | None] = {}

    def row(self, line: int, text: str) -> Row | None:
        """The event on a line; None where the general reader must look at it."""
        for shape in self._likely:
            match = shape.match(text)
            if match is not None:
                break
        else:
            shape, match = self._learnt(text)
            if match is None:
                return None
        if shape is not self._likely[0]:
            self._likely.remove(shape)
            self._likely.insert(0, shape)
        return self._row(line, match.group(*shape.order))

    def _learnt(self, text: str) -> tuple[Any, re.Match[str] | None]:
        """A new shape that fits the line, if there is one. A wrong guess does not match."""
        keys = tuple(_KEYS.findall(text[:10_000]))
        if keys in self._shapes or len(set(keys)) < len(keys) or not set(keys) >= _NEEDED:
            return None, None
        if len(self._shapes) == SHAPES_MAX:
            return None, None
        shape = self._shapes[keys] = Shape(keys)
        match = shape.match(text)
        if match is not None:
            self._likely.append(shape)
        return shape, match

    def _row(self, line: int, fields: tuple[str | None, ...]) -> Row | None:
        type_, process, f, content, key, time, error = fields
        values = self._values
        try:
            kind, name, client = self._name(type_), self._name(f), values[process]  # type: ignore[index]
            if kind not in KINDS or name is None or client == NEMESIS:
                return None
            if content is None and kind == "ok" and ALIASES.get(name, name) == "read":
                return None
            return Row(
                line,
                KINDS[kind],
                client,
                name,
                None if key is None else values[key],
                None if content is None else values[content],
                None if time is None else int(time),
                error if kind in ("fail", "info") else None,
            )
        except EdnError:
            return None

    def _name(self, form: str | None) -> str | None:
        """The name that a keyword or a string is."""
        if form not in self._names:
            found = value(form or "nil")
            if len(self._names) > CACHED_MAX:
                self._names.clear()
            self._names[form or ""] = name_of(found) if isinstance(found, Token | str) else None
        return self._names[form or ""]


class _Values(dict[str, Any]):
    """text -> value, of forms that _FORM matches."""

    def __missing__(self, form: str) -> Any:
        if form.isascii() and form.isdigit() and form[0] != "0" and len(form) < 19:
            found: Any = int(form)
        elif form[0] == "[" and not any(mark in form for mark in '"({'):
            found = self._vector(form)
        else:
            found = value(form)
        if len(self) > CACHED_MAX:
            self.clear()
        self[form] = found
        return found

    def _vector(self, form: str) -> tuple[Any, ...]:
        """A vector that holds only atoms and vectors."""
        outer: list[list[Any]] = []
        items: list[Any] = []
        for token in form.replace("[", " [ ").replace("]", " ] ").replace(",", " ").split():
            if token == "[":
                outer.append(items)
                items = []
            elif token == "]":
                done, items = tuple(items), outer.pop()
                items.append(done)
            else:
                items.append(self[token])
        whole: tuple[Any, ...] = items[0]
        return whole
