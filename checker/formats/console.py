"""Events that Jepsen prints, one per line: process, type, operation, value and perhaps an error, parted by tabs.

`jepsen-log` finds them in console logs, `INFO  jepsen.util - 3\t:invoke\t:cas\t[0 3]`, and passes over all other lines;
`history-txt` is the history.txt of a run, which holds nothing else. Times are not used: the order of the lines is the
time. `:info` with `:timed-out` leaves the operation pending.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from checker.formats.columns import Loaded
from checker.formats.edn_text import EdnError, TornError, forms, value
from checker.formats.jepsen import JepsenEvents
from checker.formats.source import Source
from checker.values import Token

NAME = "jepsen-log"
HISTORY_TXT = "history-txt"

_FIELDS = r"(\d+|:nemesis)\s+:(invoke|ok|fail|info)\s+(:\S+|\"[^\"]*\")\s+(\S.*)$"
EVENT = re.compile(r"\bjepsen\.\S*.*?\s" + _FIELDS)
LINE = re.compile(r"\s*" + _FIELDS)
"""process, type, operation, value and error."""

_CUT = re.compile(r"\s*(\d+|:nemesis)\s+:\w+(\s+:\S*)?$")
"""A line of history.txt that ends before its value."""

_BEGUN = re.compile(r"\bjepsen\.util(?: -|:) \d+\s+:")
"""A line that is an event of a client, whole or not."""


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    events = JepsenEvents(source)
    for number, line in source.lines():
        match = EVENT.search(line)
        if match is not None:
            _event(events, source, number, match)
        elif _BEGUN.search(line):
            if source.cut_off(number, surely=True):
                source.torn(number)
                break
            raise source.error("an event that ends before its value, or has an unknown type", number)
    return events.load()


def load_history_txt(source: Source) -> Loaded:
    """Reads a history.txt. The text of an error may go on over lines; nothing else may stand between the events."""
    events = JepsenEvents(source)
    failed = False
    for number, line in source.lines():
        match = LINE.match(line)
        if match is not None:
            _event(events, source, number, match)
            failed = match[2] in ("fail", "info")
        elif len(events) and source.cut_off(number, surely=_CUT.match(line) is not None):
            source.torn(number)
        elif not failed:
            raise source.error(
                "is not an event: expected process, type, operation and value, separated by tabs", number
            )
    return events.load()


def _event(events: JepsenEvents, source: Source, number: int, match: re.Match[str]) -> None:
    process, kind, name, text = match.groups()
    content: Any = None
    error: str | None = None
    try:
        content, error = _value(text)
    except EdnError as problem:
        if kind in ("invoke", "ok"):
            if len(events) and source.cut_off(number, surely=isinstance(problem, TornError)):
                source.torn(number)
                return
            raise source.error(str(problem), number) from None
        error = text
    if number == source.unfinished and text[-1:].isdigit():
        source.notes.append(f"the last line ({number}) has no line end: if it was cut off, its value may be too")
    if error is None and type(content) is Token:
        error = content.name
    f = Token(name) if name.startswith(":") else name.strip('"')
    at = Token(process) if process.startswith(":") else int(process)
    events.add(number, {"process": at, "type": kind, "f": f, "value": content, "error": error})


@lru_cache(maxsize=4096)
def _value(text: str) -> tuple[Any, str | None]:
    """The value at the beginning of a text, and the rest, which is an error."""
    content, _, rest = text.partition("\t")
    found = [form for _, form in forms(content)]
    if not found:
        raise EdnError("contains no value")
    rest = rest or content.partition(found[0])[2]
    return value(found[0]), rest.strip() or None
