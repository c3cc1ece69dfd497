"""Jepsen's EDN histories: a list or vector of event maps, or one map after another, with comments.

`{:process 4, :type :ok, :f :cas, :value [3 0]}`; optional `:key`, `:time` (ns; without it the order is the time) and
`:error`. Processes that are not numbers (`:nemesis`) are passed over.
"""

from __future__ import annotations

from checker.formats.columns import Loaded
from checker.formats.edn_text import EdnError, elements, keyed, untagged, value
from checker.formats.events import KINDS, EventRows
from checker.formats.source import Source
from checker.formats.vocabulary import ALIASES, value_of

NAME = "edn"

TEXT_BYTES_MAX = 512 << 20
"""EDN is read whole; what is larger should be JSON lines."""


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    pieces: list[bytes] = []
    size = 0
    for _, piece in source.pieces():
        pieces.append(piece)
        size += len(piece)
        if size > TEXT_BYTES_MAX:
            raise source.error(f"is more than {TEXT_BYTES_MAX >> 20} MB of EDN: record such a history as JSON lines")
    whole = b"".join(pieces)
    try:
        text = whole.decode()
    except UnicodeDecodeError as error:
        line = 1 + whole.count(b"\n", 0, error.start)
        raise source.error("holds bytes that are not UTF-8", line) from None
    events = EventRows(source)
    try:
        for number, form in elements(text):
            event(events, source, number, form)
    except EdnError as problem:
        raise source.error(str(problem), problem.line) from None
    return events.load()


def event(events: EventRows, source: Source, line: int, form: str) -> None:
    """Adds one event, if it is a client's. Raises HistoryError or EdnError."""
    try:
        fields = keyed(untagged(form))
        missing = [name for name in ("process", "type", "f") if name not in fields]
        if missing:
            raise EdnError(f"an event without :{missing[0]}")
        process = value(fields["process"])
        if type(process) is not int:
            if process is None or type(process) is not str:
                raise EdnError(f"the process {fields['process'][:40]} is no number and no keyword")
            return
        kind, name = fields["type"].removeprefix(":"), fields["f"].removeprefix(":")
        if kind not in KINDS:
            raise EdnError(f"the type {fields['type'][:40]} is none of :invoke, :ok, :fail, :info")
        said = value(fields.get("value", "nil"))
        key = value(fields.get("key", "nil"))
        time = value(fields["time"]) if "time" in fields else None
    except EdnError as problem:
        raise source.error(str(problem), line) from None
    error = fields.get("error") if kind in ("fail", "info") else None
    events.add(line, kind, process, name, key, value_of(kind, ALIASES.get(name, name), said), time, error)
