"""EDN: Jepsen's histories, Elle's and Knossos' examples. A list or vector of events, or one event after another.

`{:process 4, :type :ok, :f :cas, :value [3 0]}`; optional `:key`, `:time` (ns; without it the order is the time) and
`:error`. Or as vectors: `[4 :ok :cas [3 0]]`. Names may be keywords or strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from checker.formats.columns import Loaded
from checker.formats.edn_lines import FlatLines
from checker.formats.edn_text import CLOSES, ClosedError, EdnError, TornError, forms, keyed, opening, untagged, value
from checker.formats.jepsen import JepsenEvents
from checker.formats.source import Source
from checker.values import Token

NAME = "edn"

FORM_CHARS_MAX = 64 << 20
"""A form that goes on over so many is taken for one whose end is missing, as of a string."""

VECTOR = re.compile(r"[\[(]\s*(?:\d+|:[\w\-]+|\"[^\"]*\")[\s,]+:(?:invoke|ok|fail|info)[\s,\])]")
"""The beginning of an event as Knossos prints it."""

_READ = ("process", "type", "f", "value", "key", "time")


AHEAD = 10
"""Lines over which the beginning of a vector may go on."""

Lines = Iterator[tuple[int, str]]


def load(source: Source) -> Loaded:
    """Reads the events and pairs them. Raises HistoryError with the line of the first that makes no sense."""
    events = JepsenEvents(source)
    try:
        _read(events, source)
    except TornError as problem:
        # More than one event in what is never closed is damage within the text, not an end that was cut off.
        if not source.cut_off(problem.line, surely=True) or problem.rest.count(":type") > 1 or not len(events):
            raise source.error(str(problem), problem.line) from None
        source.torn(problem.line)
    except EdnError as problem:
        raise source.error(str(problem), problem.line) from None
    return events.load()


def _read(events: JepsenEvents, source: Source) -> None:
    """Hands over the events of a file: the elements of its one list or vector, or the forms at its top.

    A list or vector that VECTOR matches is an event, and does not hold events.
    """
    lines = source.every_line()
    first, text = next(((line, text) for line, text in lines if opening(text) < len(text)), (1, ""))
    begins = opening(text)
    bracket = text[begins : begins + 1]
    ahead = list(islice(lines, AHEAD))
    beginning = "\n".join([text, *(line for _, line in ahead)])
    listed = bracket in ("(", "[") and not VECTOR.match(beginning, begins)
    lines = chain([(first, text[begins + 1 :] if listed else text)], ahead, lines)
    try:
        _forms(events, source, lines)
    except ClosedError as closed:
        if not listed or closed.bracket != CLOSES[bracket] or closed.rest is None or _more(closed.rest, lines):
            raise
    else:
        if listed:
            raise EdnError(f"the {bracket!r} on this line is never closed: the file is truncated", first)


def _forms(events: JepsenEvents, source: Source, lines: Lines) -> None:
    """Hands over the events that these lines hold: most fill a line each, and are flat."""
    flat = FlatLines()
    for number, text in lines:
        row = flat.row(number, text)
        if row is not None:
            events.add_row(row)
            continue
        while text:
            try:
                for line, form in forms(text, line=number):
                    event(events, source, line, form)
                break
            except TornError as torn:  # it goes on: with as many lines again, so that each is read twice at most
                more = [line for _, line in islice(lines, 1 + torn.rest.count("\n"))]
                if not more:
                    raise
                number, text = torn.line, "\n".join((torn.rest, *more))
                if len(text) > FORM_CHARS_MAX:
                    raise EdnError(str(torn), torn.line) from None


def _more(rest: str, lines: Lines) -> bool:
    """Whether anything but comments follows."""
    return any(opening(text) < len(text) for text in chain([rest], (line for _, line in lines)))


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
