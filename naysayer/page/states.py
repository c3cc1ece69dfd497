"""The states of the nodes over time, as columns: role, term and commit index, and what each holds for a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from checker.history import History
from naysayer.page.columns import Numbers
from naysayer.page.operations import Clock
from naysayer.page.templates import NUMBERS, Templates
from naysayer.simulate import Run
from naysayer.views import TABLES, held, standing
from targets.backends.simulator.network import MS

CHANGES_MAX = 12_000

STANDING, DOWN = -1, -2
"""In place of the code of a key: role, term and commit index; the node ended."""

NEVER_SYNCED, NO_SYNC = -1, -2
"""In place of the ticks after which a change was durable."""

COLUMNS = ("s_time", "s_node", "s_key", "s_synced", "s_text", *(f"s_text{number}" for number in range(NUMBERS)))


def states_of(run: Run, history: History, clock: Clock, key: int | None) -> tuple[dict[str, Any], dict[str, Numbers]]:
    """`key`: the code of the key that the page is about, which is kept where not all fit."""
    codes = {str(value): code for code, value in enumerate(history.tables.key.values) if code or value is not None}
    nodes: dict[str, int] = {}
    texts = Templates()
    found: list[tuple[int, ...]] = []
    for place, step in enumerate(run.record.steps):
        time, node = clock.ticks(step.time_ns), nodes.setdefault(step.node, len(nodes))
        synced = run.record.synced.get(place, NO_SYNC)
        durable = NEVER_SYNCED if synced is None else synced if synced == NO_SYNC else clock.ticks(synced) - time
        text = _standing(step.after)
        if text != _standing(step.before) or not step.before:
            found.append((time, node, STANDING, durable, *texts.packed(text)))
        for name in changed(step.before, step.after):
            if name in codes:
                words = held(step.after, name)
                found.append((time, node, codes[name], durable, *texts.packed(words)))
    for stopped_ns, name in run.record.stopped:
        found.append((clock.ticks(stopped_ns), nodes.setdefault(name, len(nodes)), DOWN, NO_SYNC, *texts.packed("")))
    found.sort(key=lambda row: row[0])
    cut = len(found) > CHANGES_MAX
    if cut:
        found = [row for row in found if row[2] in (key, DOWN)][:CHANGES_MAX]
    table = np.array(found, dtype=np.int64).reshape(len(found), len(COLUMNS))
    known = sorted({*nodes, *run.views}, key=lambda name: (len(name), name))
    header = {
        "nodes": list(nodes),
        "known": known,
        "texts": list(texts.texts),
        "until": min(clock.ticks(run.virtual_ms * MS), clock.end),
        "cut": cut,
    }
    return header, {name: table[:, place] for place, name in enumerate(COLUMNS)}


def _standing(view: Mapping[str, Any]) -> str:
    """Role, term and commit index: `leader, term 3, commit 7`; "" where there is none."""
    words = standing(view)
    return ", ".join(
        text if name == "role" else f"{name} {text}" for name, text in words.items() if name != "last entry"
    )


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The keys whose values differ between two views of a node."""
    old, new = _entries(before), _entries(after)
    return [name for name in {**new, **old} if old.get(name) != new.get(name)]


def _entries(view: Mapping[str, Any]) -> dict[str, Any]:
    """What a view holds, by key."""
    tables = [view[table] for table in TABLES if isinstance(view.get(table), dict)]
    if not tables:
        return dict(view)
    merged: dict[str, Any] = {}
    for table in tables:
        merged = {**{str(name): value for name, value in table.items()}, **merged}
    return merged
