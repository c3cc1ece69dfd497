"""Key-value logs: one EDN map per line, `{:process 0, :type :ok, :f :append, :key "0", :value "x 0 0 y"}`.

A missing key reads as "". The order of the lines is the time. Lines of the nemesis and comments are passed over.
"""

from __future__ import annotations

import re

from checker.formats.columns import Loaded
from checker.formats.edn import event
from checker.formats.edn_text import EdnError, forms
from checker.formats.events import EventRows
from checker.formats.source import Source
from checker.formats.vocabulary import ALIASES, value_of

NAME = "kv-log"

USUAL = re.compile(
    r'\{:process (\d{1,18}), :type :(invoke|ok|fail|info), :f :([a-z-]+), :key "([^"\\]*)", '
    r':value (nil|"[^"\\]*"|:timed-out)\}'
)


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    events = EventRows(source)
    for number, line in source.lines():
        match = USUAL.fullmatch(line)
        if match is not None:
            process, kind, name, key, text = match.groups()
            value = text[1:-1] if text.startswith('"') else None
            error = text[1:] if text.startswith(":") else None
            events.add(
                number, kind, int(process), name, key, value_of(kind, ALIASES.get(name, name), value), error=error
            )
            continue
        try:
            for _, text in forms(line):
                event(events, source, number, text)
        except EdnError as problem:
            raise source.error(str(problem), number) from None
    return events.load()
