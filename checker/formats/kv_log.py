"""Key-value logs: one EDN map per line, `{:process 0, :type :ok, :f :append, :key "0", :value "x 0 0 y"}`.

A missing key reads as "". The order of the lines is the time. Lines of the nemesis and comments are passed over.
"""

from __future__ import annotations

import re

from checker.formats.columns import Loaded
from checker.formats.edn import event
from checker.formats.edn_text import EdnError, TornError, forms
from checker.formats.jepsen import JepsenEvents
from checker.formats.source import Source

NAME = "kv-log"

USUAL = re.compile(
    r'\{:process (\d{1,18}), :type :(invoke|ok|fail|info), :f :([a-z-]+), :key "([^"\\]*)", '
    r':value (nil|"[^"\\]*"|:timed-out)\}'
)


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    events = JepsenEvents(source)
    for number, line in source.lines():
        match = USUAL.fullmatch(line)
        if match is not None:
            process, kind, name, key, text = match.groups()
            value = text[1:-1] if text.startswith('"') else None
            error = text[1:] if text.startswith(":") else None
            fields = {"process": int(process), "type": kind, "f": name, "key": key, "value": value, "error": error}
            events.add(number, fields)
            continue
        try:
            for _, text in forms(line):
                event(events, source, number, text)
        except TornError as problem:
            if not source.cut_off(number, surely=True) or not len(events):
                raise source.error(str(problem), number) from None
            source.torn(number)
        except EdnError as problem:
            raise source.error(str(problem), number) from None
    return events.load()
