"""The abstract states that a cluster reaches: which situations a run has seen, whatever the values in them.

Of each node: its role and whatever else its view shows, with numbers as distances from the largest of any node,
clipped, and names of nodes as its own or another's. Nodes are interchangeable. A state is kept as a hash of 64 bits,
and only one look in LOOK_MS is taken, so that a run costs a twentieth more.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from targets.backends.simulator.loop import Loop
from targets.backends.simulator.network import MS
from targets.protocol.node import Node, NodeId

LOOK_MS = 100.0
"""The least time between two looks."""

FAR = 2
"""A number that is further than this from the largest counts as this far."""

KEYS_MAX = 4
"""Of a table in a view, so many entries count; of a list, so many items."""

WORD_MAX = 12
"""A word of a view is taken as it is up to this length."""

Path = tuple[Any, ...]


class Coverage:
    """The states of one run."""

    def __init__(self, loop: Loop, names: tuple[NodeId, ...], running: Mapping[NodeId, Node]) -> None:
        """`running`: the nodes that run."""
        self.states: set[int] = set()
        self._loop = loop
        self._running = running
        self._due_ns = 0
        self._touched: set[NodeId] = set()
        self._shown: dict[NodeId, Any] = dict.fromkeys(names)
        self._flat: dict[NodeId, dict[Path, Any] | None] = dict.fromkeys(names)

    def step(self, name: NodeId) -> None:
        """A node has handled an input."""
        self._touched.add(name)
        if self._loop.now_ns >= self._due_ns:
            self._due_ns = self._loop.now_ns + int(LOOK_MS * MS)
            self._look()

    def died(self, name: NodeId) -> None:
        """A node does not run any more; what it was is looked at with the next input of any node."""
        self._touched.add(name)

    def _look(self) -> None:
        changed = False
        for name in self._touched:
            node = self._running.get(name)
            shown = None if node is None else node.view()
            if shown != self._shown[name]:
                self._shown[name], changed = shown, True
                self._flat[name] = None if shown is None else _flat(shown)
        self._touched.clear()
        if changed:
            self.states.add(abstract(self._flat))


def _flat(view: Any) -> dict[Path, Any]:
    """The scalars of a view by their places; keys of tables are numbered.

    Tables count only where there is nothing else: beside a role and a log, the values of keys would make every state
    a new one.
    """
    found: dict[Path, Any] = {}
    _collect({name: value for name, value in view.items() if not isinstance(value, Mapping)}, (), found)
    if not found:
        _collect(view, (), found)
    return found


def _collect(value: Any, path: Path, found: dict[Path, Any]) -> None:
    if isinstance(value, Mapping):
        named = path == ()
        for number, (name, inner) in enumerate(value.items() if named else sorted(value.items(), key=repr)):
            if named or number < KEYS_MAX:
                _collect(inner, (*path, name if named else number), found)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value[:KEYS_MAX]):
            _collect(inner, (*path, number), found)
    else:
        found[path] = value


def abstract(nodes: Mapping[NodeId, dict[Path, Any] | None]) -> int:
    """The state of a cluster, from the scalars of each node by their places; None for a node that does not run."""
    flats = [flat for flat in nodes.values() if flat is not None]
    largest: dict[Path, float] = {}
    words: dict[Path, set[str]] = {}
    for flat in flats:
        for path, value in flat.items():
            if isinstance(value, int | float):
                largest[path] = max(value, largest.get(path, value))
            elif isinstance(value, str) and len(path) > 1:
                words.setdefault(path, set()).add(value)
    ranks = {path: {word: rank for rank, word in enumerate(sorted(some))} for path, some in words.items()}
    states = []
    for name, scalars in nodes.items():
        if scalars is None:
            states.append("down")
            continue
        parts = []
        for path, value in scalars.items():
            if isinstance(value, str):
                if value in nodes:
                    part = "own" if value == name else "other"
                elif len(path) > 1:
                    part = str(min(ranks[path][value], FAR))
                else:
                    part = value[:WORD_MAX]
            elif isinstance(value, int | float):
                part = str(int(min(largest[path] - value, FAR)))
            else:
                part = "-"
            parts.append(part)
        states.append(" ".join(parts))
    states.sort()
    return int.from_bytes(blake2b("|".join(states).encode(), digest_size=8).digest(), "big")
