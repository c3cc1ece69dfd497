"""EDN text cut into its forms, with line numbers; what is not a plain scalar or collection goes to edn_format.

edn_format is right about the whole language, but slow (half a millisecond for one event), silent about a key that is
there twice and without positions. Histories consist of flat maps of numbers, strings and keywords: those are read here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from checker.values import Map, Set, Token, identity

_TOKEN = re.compile(
    r"""(?P<space>[\s,]+|;[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<discard>\#_)
      | (?P<open>\#\{|[(\[{])
      | (?P<close>[)\]}])
      | (?P<atom>\\.[^\s,;"()\[\]{}]*|[^\s,;"()\[\]{}\\]+)
    """,
    re.VERBOSE | re.DOTALL,
)
CLOSES = {"(": ")", "[": "]", "{": "}", "#{": "}"}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9]\d{0,3999})N?")
_NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][-+]?\d+)?M?|(?:0|[1-9]\d*)N|0[xX][0-9a-fA-F]+|\d+/\d+)")
"""Numbers that edn_format reads whole. Of others (017, 2r101, 12abc) it returns the beginning, and drops the rest."""

_CHARACTERS = {"\n": "newline", "\r": "return", " ": "space", "\t": "tab", "\f": "formfeed", "\b": "backspace"}
_TAGGED = re.compile(r"(#[A-Za-z][\w.*+!?$%&=<>/\-]*)\s*(.+)", re.DOTALL)
_STANDARD_TAGS = ("#inst", "#uuid")
_DEPTH_MAX = 64
_EVENT_TAG = re.compile(r"#[\w.\-]+(?:/[\w.\-]+)?\s*(?=\{)")


class EdnError(ValueError):
    """The text is no EDN; `line` counts from 1 in the text that was given."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class TornError(EdnError):
    """The text ends within a form, which begins at `line`; `rest` is what there is of it."""

    def __init__(self, message: str, line: int, rest: str) -> None:
        super().__init__(message, line)
        self.rest = rest


class ClosedError(EdnError):
    """A bracket on `line` closes what the text did not open; `rest` is what follows it, None where forms are open."""

    def __init__(self, bracket: str, line: int, rest: str | None) -> None:
        super().__init__(f"has a {bracket!r} that closes nothing", line)
        self.bracket = bracket
        self.rest = rest


def forms(text: str, start: int = 0, end: int | None = None, line: int = 1) -> Iterator[tuple[int, str]]:
    """The forms of text[start:end], each with the line where it begins. Comments and discarded forms are left out.

    What a TornError has as its `rest` can be read again with the text that follows.
    """
    end = len(text) if end is None else end
    position = start
    closers: list[str] = []
    begun: tuple[int, int] | None = None  # where the current form began: (position, line)
    discards: list[tuple[int, int]] = []  # where each was begun whose form is still to come
    while position < end:
        match = _TOKEN.match(text, position, end)
        if match is None:
            if text[position] != '"':
                raise EdnError("is not EDN", line)
            start, line = discards[0] if discards else begun or (position, line)
            raise TornError("contains a string without an end", line, text[start:end])
        kind = match.lastgroup
        begin, position = position, match.end()
        if kind == "space":
            line += text.count("\n", begin, position)
            continue
        if kind == "discard" and not closers and begun is None:
            discards.append((begin, line))
            continue
        if begun is None:
            begun = (begin, line)
        if kind == "open":
            closers.append(CLOSES[match.group()])
            if len(closers) > _DEPTH_MAX:
                raise EdnError("values are nested too deeply", line)
        elif kind == "close":
            if not closers or closers.pop() != match.group():
                alone = begun == (begin, line) and not discards
                raise ClosedError(match.group(), line, text[position:end] if alone else None)
        elif kind == "string":
            line += text.count("\n", begin, position)
        if closers or (kind == "atom" and match.group().startswith("#") and not match.group().startswith("##")):
            continue  # inside a collection, or a tag: its form follows
        if discards:
            discards.pop()
        else:
            yield begun[1], text[begun[0] : position]
        begun = None
    if begun is not None or discards:
        start, line = discards[0] if discards else begun or (end, line)
        raise TornError("the text ends in the middle of a form", line, text[start:end])


def opening(text: str) -> int:
    """The position of the first thing in a text that is neither space nor a comment; its end if there is none."""
    position = 0
    while match := _TOKEN.match(text, position):
        if match.lastgroup != "space":
            break
        position = match.end()
    return position


def untagged(form: str) -> str:
    """A map without the tag of a record in front of it: #jepsen.history.Op{...} is its map."""
    tag = _EVENT_TAG.match(form)
    return form[tag.end() :] if tag else form


def parse(text: str) -> Any:
    """The value of a text that holds one form. Raises EdnError."""
    found = list(forms(text))
    if len(found) != 1:
        raise EdnError("contains more than one value" if found else "contains no value")
    return value(found[0][1])


def keyed(form: str) -> dict[str, str]:
    """The forms of a map with keyword keys, by key without its colon. Raises EdnError, also for a key given twice."""
    if not form.startswith("{") or not form.endswith("}"):
        raise EdnError("is not a map from keywords to values")
    inside = [form for _, form in forms(form, 1, len(form) - 1)]
    if len(inside) % 2:
        raise EdnError("is a map with a key that has no value")
    found: dict[str, str] = {}
    for key, text in zip(inside[::2], inside[1::2], strict=True):
        name = key[1:] if key.startswith(":") else key.strip('"')
        if name in found:
            raise EdnError(f"has the key {key} twice")
        found[name] = text
    return found


def value(form: str) -> Any:
    """The value of a form as `forms` cuts them, in the types of checker.values. Raises EdnError."""
    if form == "nil":
        return None
    if form in ("true", "false"):
        return form == "true"
    if form.startswith(":"):
        return Token(form)
    if _INTEGER.fullmatch(form):
        return int(form.removesuffix("N"))
    if form.startswith('"') and "\\" not in form:
        return form[1:-1]
    if form.startswith(("[", "(")):
        return tuple([value(item) for _, item in forms(form, 1, len(form) - 1)])
    if form.startswith("#{"):
        items = [value(item) for _, item in forms(form, 2, len(form) - 1)]
        _reject_twins("a set has the element", items)
        return Set(items)
    if form.startswith("{"):
        items = [value(item) for _, item in forms(form, 1, len(form) - 1)]
        if len(items) % 2:
            raise EdnError("is a map with a key that has no value")
        _reject_twins("a map has the key", items[::2])
        return Map(zip(items[::2], items[1::2], strict=True))
    return _other(form)


def _reject_twins(what: str, items: list[Any]) -> None:
    seen = set()
    for item in items:
        key = identity(item)
        if key in seen:
            raise EdnError(f"{what} {item!r:.40} twice")
        seen.add(key)


def _other(form: str) -> Any:
    """Strings with escapes, other numbers, characters, tagged values."""
    import edn_format

    tagged = _TAGGED.fullmatch(form)
    if tagged and tagged[1] not in _STANDARD_TAGS:
        # No map of a history has a tag as its key, so this is equal to the same value under the same tag alone.
        return Map([(Token(tagged[1]), parse(tagged[2]))])
    if form.lstrip("+-")[:1].isdigit() and not _NUMBER.fullmatch(form):
        raise EdnError(f"{form[:40]!r} is not an EDN number")
    try:
        found = edn_format.loads(form)
    except Exception as error:  # edn_format raises whatever its parser, or a tag, came upon
        raise EdnError(
            f"{form[:40]!r} is not an EDN value that can be read ({' '.join(str(error).split())[:80]})"
        ) from None
    if isinstance(found, float | Decimal) and math.isnan(found):
        raise EdnError("NaN does not equal itself, so a history with it cannot be judged")
    if isinstance(found, edn_format.Symbol):
        raise EdnError(f"{form[:40]!r} is a symbol, not a value")
    if form.startswith("\\"):
        return Token(f"\\{_CHARACTERS.get(found, found)}")
    if isinstance(found, Decimal) and Decimal(repr(float(found))) == found:
        return float(found)  # 1.1M and 1.1 are one number
    return found
