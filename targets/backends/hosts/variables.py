"""Variables of nodes in cluster.toml: `[nodes.n1] port = 7001` is {port} in the commands and in that node's `client`.

A key that is neither a setting nor used as a variable is a mistyped setting, and refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from checker.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
TAKEN = frozenset({"node", "storage", "key", "input", "from", "to"})
"""Placeholders with another meaning."""


def separated(nodes: Any, settings: Collection[str]) -> Any:
    """The tables of nodes, with all keys that are not `settings` moved into `variables`. What is not a table stays as
    it is, for the reader of the file to refuse."""
    if not isinstance(nodes, dict):
        return nodes
    return {
        name: {key: value for key, value in table.items() if key in settings}
        | {"variables": {key: value for key, value in table.items() if key not in settings}}
        if isinstance(table, dict)
        else table
        for name, table in nodes.items()
    }


def filled(text: str, values: Mapping[str, object]) -> str:
    """The text with {name} replaced by the value of that name."""
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def refuse_unused(where: str, variables: Mapping[str, object], texts: Iterable[str], settings: Collection[str]) -> None:
    """Raises UsageError for a variable with an impossible name, and for one that no text uses. `where`: the table, for
    the error."""
    texts = tuple(texts)
    for name, value in variables.items():
        if NAME.fullmatch(name) is None or name in TAKEN:
            raise UsageError(
                f"{where} {name!r} cannot be the name of a variable: write small letters, digits and '_', and none of "
                f"{', '.join(sorted(TAKEN))}"
            )
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise UsageError(f"{where} {name} is {value}; a variable is a text or a number")
        if not any("{" + name + "}" in text for text in texts):
            near = difflib.get_close_matches(name, settings, 1)
            meant = f"did you mean {near[0]}?" if near else f"the settings of a node are {', '.join(settings)}"
            raise UsageError(
                f"{where} {name} is neither a setting nor used as {{{name}}} in a command or in this node's client: "
                f"{meant}"
            )
