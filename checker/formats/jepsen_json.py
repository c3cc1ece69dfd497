"""Jepsen's events in JSON, as elle-cli reads them: an array of objects, or one object per line, each with one "value".

`{"type": "ok", "process": 0, "f": "txn", "value": [["r", "x", 1]], "time": 5}`; optional: key, time (ns), error.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from checker.formats.columns import Loaded
from checker.formats.jepsen import JepsenEvents
from checker.formats.source import Source
from checker.values import freeze

NAME = "jepsen-json"

TEXT_BYTES_MAX = 512 << 20
"""An array is read whole; what is larger should be JSON lines."""

_SPACE = re.compile(r"[ \t\r\n]*")
_READ = ("process", "type", "f", "value", "key", "time")


class _BadJson(ValueError):  # noqa: N818 - private, and it says what is bad
    """JSON that no history may hold."""


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    text = source.text(TEXT_BYTES_MAX, "JSON").removeprefix("\ufeff")
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_reject_constant, parse_float=_finite)
    events = JepsenEvents(source)
    at = _after_space(text, 0)
    array = text.startswith("[", at)
    at = _after_space(text, at + array)
    line, counted = 1, 0
    while at < len(text) and not (array and text[at] == "]"):
        line += text.count("\n", counted, at)
        counted = at
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            torn = text.count('"type"', at) <= 1 and not isinstance(error, _BadJson)
            if torn and len(events) and source.cut_off(line, surely=_within(error, text)):
                source.torn(line)
                return events.load()
            raise source.error(_sentence(error), line) from None
        _add(events, source, line, found)
        at = _after_space(text, end)
        if array and text.startswith(",", at):
            at = _after_space(text, at + 1)
        elif array and not text.startswith("]", at) and at < len(text):
            raise source.error("events in the array must be separated by commas", 1 + text.count("\n", 0, at))
    if array and (at >= len(text) or _after_space(text, at + 1) != len(text)):
        what = "is never closed: the file is truncated" if at >= len(text) else "is followed by something else"
        raise source.error(f"the array {what}", 1 + text.count("\n", 0, at))
    return events.load()


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def _add(events: JepsenEvents, source: Source, line: int, found: Any) -> None:
    if not isinstance(found, dict):
        raise source.error("is not an event: expected a JSON object with type, process, f and value", line)
    if "input" in found or "output" in found:
        raise source.error("has input or output: such events are read one per line, without an array", line)
    fields = {name: freeze(found[name]) for name in _READ if name in found}
    if found.get("error") is not None:
        fields["error"] = str(found["error"])
    events.add(line, fields)


def _within(error: Exception, text: str) -> bool:
    """Whether the text ends within what could not be read."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for i, name in enumerate(names) if name in names[:i])
        raise _BadJson(f"has the field {twin!r:.60} twice")
    return found


def _reject_constant(name: str) -> NoReturn:
    raise _BadJson(f"contains {name}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _BadJson(f"contains the number {text[:40]}, which is out of range")
    return number


def _sentence(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "values are nested too deeply"
    return str(error) if isinstance(error, _BadJson) else f"is not a JSON event ({error})".replace("\n", " ")
