"""Console logs of Jepsen: lines like `INFO  jepsen.util - 3\t:invoke\t:cas\t[0 3]`; every other line is passed over.

Times are not used: the order of the lines is the time. `:info` with `:timed-out` leaves the operation pending.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from checker.formats.columns import Loaded
from checker.formats.edn_text import EdnError, parse
from checker.formats.events import EventRows
from checker.formats.source import Source
from checker.formats.vocabulary import ALIASES, value_of

NAME = "jepsen-log"

EVENT = re.compile(r"\bjepsen\.\S*.*?\s(\d+|:nemesis)\s+:(invoke|ok|fail|info)\s+:(\S+)\s+(\S.*)$")
"""process, type, operation, value."""

_BEGUN = re.compile(r"\bjepsen\.util - \d+\s")
"""A line that is an event of a client, whole or not."""


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    events = EventRows(source)
    for number, line in source.lines():
        match = EVENT.search(line)
        if match is None:
            if _BEGUN.search(line):
                raise source.error("an event that ends before its value, or is of no type we know", number)
            continue
        process, kind, name, text = match.groups()
        if process == ":nemesis":
            continue
        f = ALIASES.get(name, name)
        value = error = None
        if kind in ("fail", "info"):
            error = text.removeprefix(":")
        else:
            try:
                value = _value(text)
            except EdnError as problem:
                raise source.error(str(problem), number) from None
        events.add(number, kind, int(process), name, None, value_of(kind, f, value), error=error)
    return events.load()


@lru_cache(maxsize=4096)
def _value(text: str) -> Any:
    return parse(text)
