"""Reads and writes operations of clients as steps of a scenario."""

from __future__ import annotations

import json
from json import JSONDecodeError, JSONDecoder
from typing import Any, NamedTuple

from checker.history import freeze
from checker.values import Map
from naysayer.play.language import INVOKE, ScenarioError, Step, match_step
from naysayer.play.texts import NOTHING, value


class Invoked(NamedTuple):
    """The operation of a step, with names as they are written.

    A fenced write without a generation (None) carries its client's latest one.
    """

    client: str
    node: str
    f: str
    key: Any = None
    input: Any = None


def operation_of(step: Step) -> Invoked:
    """The operation of a step. Raises ScenarioError for a key or input that is not JSON."""
    _, client, *given, node = step.arguments
    who = (str(client), str(node))
    match step.form.action:
        case "write":
            return Invoked(*who, "write", given[0], value(str(given[1])))
        case "read":
            return Invoked(*who, "read", given[0])
        case "swap":
            return Invoked(*who, "cas", given[0], (value(str(given[1])), value(str(given[2]))))
        case "generation":
            return Invoked(*who, "next", given[0])
        case "fenced_write":
            return Invoked(*who, "fenced-write", given[0], (None, value(str(given[1]))))
    values = _values(given[1] or "")
    if len(values) > 2:
        raise ScenarioError(f"{given[1]}: give at most a key and an input")
    return Invoked(*who, str(given[0]), *map(freeze, values))


def _values(text: str) -> list[Any]:
    """The JSON values in a text, separated by spaces."""
    found, rest = [], text.strip()
    while rest:
        try:
            one, end = JSONDecoder().raw_decode(rest)
        except (JSONDecodeError, RecursionError) as error:
            raise ScenarioError(f"{rest} is not JSON; text needs quotation marks: {error}") from None
        found.append(one)
        rest = rest[end:].strip()
    return found


def operation_text(client: str, node: str, f: str, key: Any, input: Any) -> str:
    """The step that invokes exactly this operation: in words if the language has them, else with values as JSON."""
    invoked = Invoked(client, node, f, key, input)
    text = _in_words(invoked)
    if text is not None:
        try:
            if repr(operation_of(match_step(INVOKE, text))) == repr(invoked):  # repr distinguishes 1, 1.0 and True
                return text
        except ScenarioError:
            pass  # a value that is not a single word
    values = [] if key is None and input is None else [key] if input is None else [key, input]
    return f"{client} invokes {' '.join([f, *map(_json, values)])} at {node}"


def _json(content: Any) -> str:
    """As JSON in ASCII, so that it always stays on one line."""
    return json.dumps(_thawed(content))


def _thawed(content: Any) -> Any:
    """The value with JSON objects in place of the maps that `freeze` makes."""
    if isinstance(content, Map):
        return {key: _thawed(value) for key, value in content}
    return [_thawed(item) for item in content] if isinstance(content, list | tuple) else content


def _in_words(invoked: Invoked) -> str | None:
    client, node, f, key, given = invoked
    match f, given:
        case "write", _:
            return f"{client} writes {key} {_word(given)} at {node}"
        case "read", None:
            return f"{client} reads {key} at {node}"
        case "cas", (old, new):
            return f"{client} swaps {key} from {_word(old)} to {_word(new)} at {node}"
        case "next", None:
            return f"{client} takes a generation{'' if key is None else f' of {key}'} at {node}"
        case "fenced-write", (None, new):
            return f"{client} writes {key} {_word(new)} at {node} under its generation"
    return None


def _word(content: Any) -> str:
    return NOTHING if content is None else str(content)
