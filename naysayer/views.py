"""A node's view in a few words: its role, term and commit index, and the value that it holds for a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from naysayer.notation import value_text

ROLE = "role"
STANDING = {
    "term": "term",
    "commit_index": "commit",
    "applied": "applied",
    "last_index": "last entry",
}
"""Fields of a view that show a node's progress, with their names in reports, in the order of reports."""

TABLES = ("values", "rows", "entries")
"""Fields of a view that hold a value for each key."""


def standing(view: Mapping[str, Any]) -> dict[str, str]:
    """Role, term and commit index of a node, by their names in reports, if its protocol has them."""
    found = {ROLE: str(view[ROLE])} if isinstance(view.get(ROLE), str) else {}
    numbers = ((name, view.get(field)) for field, name in STANDING.items())
    return found | {name: str(number) for name, number in numbers if isinstance(number, int)}


def held(view: Mapping[str, Any], key: Any) -> str:
    """The value that a node holds for a key, with its version if it has one."""
    name, tables = str(key), [view[table] for table in TABLES if isinstance(view.get(table), dict)]
    table = next((table for table in tables if name in table), None if tables else view)
    if table is None or name not in table:
        return "nothing"
    value = table[name]
    if not isinstance(value, list | tuple) or table is view.get("values"):
        return value_text(value)
    if table is view.get("rows"):
        version, content = value
        return f"{value_text(content)} @{version}"
    if table is view.get("entries"):
        *stamp, content = value
        return f"{value_text(content)} @{'.'.join(map(str, stamp))}"
    return f"{value_text(value[0])} @{value[1]}" if len(value) == 2 else value_text(value)


def view_text(view: Mapping[str, Any], key: Any) -> str:
    """Both, such as `leader, term 3, commit 7, holds 5`; without a key, the values of all keys."""
    words = [text if name == ROLE else f"{name} {text}" for name, text in standing(view).items()]
    if key is None:
        keys = dict.fromkeys(name for table in TABLES if isinstance(view.get(table), dict) for name in view[table])
        holds = " ".join(f"{name} = {held(view, name)}" for name in keys)
        return ", ".join([*words, holds] if holds else words) or value_text(dict(view))
    holds = held(view, key)
    return ", ".join([*words, f"holds {holds}"]) if words else holds
