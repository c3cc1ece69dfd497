"""A prefix that has a name: how a cluster comes to be led, so that an exploration can begin there.

An election takes several timers and many messages, and most schedules of them end in none. `n1 leads` is the shortest
of those in which timers fire one at a time, when no message is under way, and messages arrive as they were sent. In
`n1 leads, n2 leads` the second one is elected while nothing reaches or leaves the first, which may not know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from checker.errors import UsageError
from naysayer.explore.local import Delivery, Fired, Locals
from naysayer.explore.rules import Rules
from targets.protocol.node import NodeId
from targets.protocol.target import Target

TIMERS_MAX = 5
"""So many timers may fire until a node leads."""

MESSAGES_MAX = 200
"""So many messages may arrive until there are none."""


class Taken(NamedTuple):
    """Node `node` (from 0) takes an input."""

    node: int
    input: int


_Way = tuple[tuple[int, ...], tuple[Taken, ...]]
"""The local states of all nodes, and what they have taken."""


def until_leads(
    locals_: Locals,
    names: Sequence[NodeId],
    leader: NodeId,
    begun: _Way | None = None,
    cut_off: frozenset[int] = frozenset(),
) -> _Way:
    """What the nodes take until `leader` leads, from their start or `begun`, while no message reaches or leaves some.
    Raises UsageError if it does not come to that."""
    if begun is None:
        starts = [locals_.first(index) for index in range(len(names))]
        sent = [what for one in starts for what in one.sent]
        begun = _settled(locals_, names, (tuple(one.state for one in starts), ()), sent, cut_off)
    layer = [] if begun is None else [begun]
    seen = {states for states, _ in layer}
    index = names.index(leader)
    for _ in range(TIMERS_MAX + 1):
        following: list[_Way] = []
        for states, taken in layer:
            if locals_.shown(states[index]).get("role") == "leader":
                return states, taken
            for node, state in enumerate(states):
                for timer in () if node in cut_off else locals_.timers[state]:
                    if not isinstance(locals_.inputs[timer], Fired):
                        continue
                    way = _after(locals_, names, (states, taken), Taken(node, timer), cut_off)
                    if way is not None and way[0] not in seen:
                        seen.add(way[0])
                        following.append(way)
        layer = following
    raise UsageError(f"{leader} does not come to lead: up to {TIMERS_MAX} timers were fired, one at a time")


def may_lead(target: Target, nodes: int, leader: NodeId = "n1") -> bool:
    """Whether this node comes to lead by timers alone."""
    names = tuple(f"n{number}" for number in range(1, nodes + 1))
    try:
        until_leads(Locals(target.node, names, Rules(), disks=False, clocks=True), names, leader)
    except UsageError:
        return False
    return True


def _after(locals_: Locals, names: Sequence[NodeId], way: _Way, fired: Taken, cut_off: frozenset[int]) -> _Way | None:
    states, taken = way
    step = locals_.step(states[fired.node], fired.input)
    if step.died is not None:
        return None
    changed = (*states[: fired.node], step.state, *states[fired.node + 1 :])
    return _settled(locals_, names, (changed, (*taken, fired)), step.sent, cut_off)


def _settled(
    locals_: Locals, names: Sequence[NodeId], way: _Way, sent: Sequence[int], cut_off: frozenset[int]
) -> _Way | None:
    """When all messages have arrived; None if that does not end."""
    now, path, under_way = list(way[0]), list(way[1]), deque(sent)
    for _ in range(MESSAGES_MAX):
        if not under_way:
            return tuple(now), tuple(path)
        what = under_way.popleft()
        given = locals_.inputs[what]
        assert isinstance(given, Delivery)
        node = names.index(given.to)
        if cut_off & {node, names.index(given.sender)}:
            continue
        step = locals_.step(now[node], what)
        if step.died is not None:
            return None
        now[node] = step.state
        path.append(Taken(node, what))
        under_way.extend(step.sent)
    return None
