"""EDN: Jepsen's histories, Elle's and Knossos' examples. A list or vector of events, or one event after another.

`{:process 4, :type :ok, :f :cas, :value [3 0]}`; optional `:key`, `:time` (ns; without it the order is the time) and
`:error`. Or as vectors: `[4 :ok :cas [3 0]]`. Names may be keywords or strings.
"""

from __future__ import annotations

import re
from typing import Any

from checker.formats.columns import Loaded
from checker.formats.edn_text import EdnError, TornError, elements, forms, keyed, untagged, value
from checker.formats.jepsen import JepsenEvents
from checker.formats.source import Source
from checker.values import Token

NAME = "edn"

TEXT_BYTES_MAX = 512 << 20
"""EDN is read whole; what is larger should be JSON lines."""

VECTOR = re.compile(r"[\[(]\s*(?:\d+|:[\w\-]+|\"[^\"]*\")[\s,]+:(?:invoke|ok|fail|info)[\s,\])]")
"""The beginning of an event as Knossos prints it."""

_READ = ("process", "type", "f", "value", "key", "time")


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    text = source.text(TEXT_BYTES_MAX, "EDN")
    events = JepsenEvents(source)
    try:
        for line, form in elements(text, VECTOR):
            event(events, source, line, form)
    except TornError as problem:
        # More than one event in what is never closed is damage within the text, not an end that was cut off.
        if problem.line != source.unfinished or problem.rest.count(":type") > 1 or not len(events):
            raise source.error(str(problem), problem.line) from None
        source.torn(problem.line)
    except EdnError as problem:
        raise source.error(str(problem), problem.line) from None
    return events.load()


def event(events: JepsenEvents, source: Source, line: int, form: str) -> None:
    """Adds one event. Raises HistoryError."""
    try:
        fields = _of_vector(form) if VECTOR.match(form) else _of_map(form)
    except EdnError as problem:
        raise source.error(str(problem), line) from None
    events.add(line, fields)


def _of_map(form: str) -> dict[str, Any]:
    texts = keyed(untagged(form))
    judged = not texts.get("process", "").startswith(":")
    fields = {name: value(texts[name]) for name in _READ if name in texts and (judged or name != "value")}
    if not judged and "value" in texts:
        fields["value"] = _of_fault(texts["value"])
    if "error" in texts:
        fields["error"] = texts["error"]
    return fields


def _of_vector(form: str) -> dict[str, Any]:
    inside = [text for _, text in forms(form, 1, len(form) - 1)]
    if len(inside) not in (3, 4, 5):
        raise EdnError("is a vector whose length is not that of [process type f value]")
    fields = dict(zip(("process", "type", "f"), map(value, inside[:3]), strict=True))
    if len(inside) > 3:
        fields["value"] = _of_fault(inside[3]) if isinstance(fields["process"], Token) else value(inside[3])
    if len(inside) == 5:
        fields["error"] = inside[4]
    return fields


def _of_fault(form: str) -> Any:
    """What a nemesis says of its fault. It is drawn, not judged: where it is no value, the fault's name is enough."""
    try:
        return value(form)
    except EdnError:
        return None
