"""Makes the target of a broken variant from its class: the class's docstring states its misconception."""

from __future__ import annotations

import re
from dataclasses import replace
from inspect import getdoc
from typing import Any

from targets.protocol.node import Node
from targets.protocol.target import Broken, Difficulty, Target

MISCONCEPTION = re.compile(r"^Misconception: (.+?)\.(?:\s|$)", re.MULTILINE)
"""Where a variant's docstring states its misconception: up to the first full stop, on one line."""


def variant(
    healthy: Target,
    name: str,
    node: type[Node],
    faults: tuple[str, ...],
    anomaly: str,
    difficulty: Difficulty,
    **changes: Any,
) -> Target:
    """`healthy` with a node that overrides one of its decisions, named `healthy/name`.

    The first line of the node's docstring is the summary, and its `Misconception: ...` the misconception that `list`
    shows. `faults` expose it, as `anomaly`; `changes` are other fields of the target that differ. Raises ValueError if
    the docstring states no misconception.
    """
    documentation = getdoc(node) or ""
    stated = MISCONCEPTION.search(documentation)
    if stated is None and documentation:
        raise ValueError(f"the docstring of {node.__name__} has no line that begins with 'Misconception: '")
    return replace(
        healthy,
        name=f"{healthy.name}/{name}",
        summary=documentation.partition("\n")[0],
        node=node,
        broken=Broken(stated[1] if stated else "", faults, anomaly, difficulty),
        **changes,
    )
