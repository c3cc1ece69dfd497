"""Directed faults: at the leader, just after it has done something.

A failure that needs several aligned events is rarely met by chance. So these use the views of the nodes: which one
leads, in which term, how long its log is. A trigger says when the fault is injected, the fault itself into which node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from nemesis import shapes
from nemesis.schedule import Situation
from targets.protocol.fault import Cut, Degrade, Fault, Heal, Kill, Pause, Reconfigure, Restart, Skew
from targets.protocol.links import between, sides
from targets.protocol.node import NodeId

Trigger = Callable[[dict[NodeId, dict[str, Any]], Situation], bool]
"""Whether to inject now, given the views of the nodes at the last poll and now."""


def leadership(situation: Situation) -> tuple[int, NodeId] | None:
    """The highest term in which a node is leader by its own view, and that node; None if there is none."""
    claims = ((view.get("term", 0), node) for node, view in situation.views.items() if view.get("role") == "leader")
    return max(claims, default=None)


def leader(situation: Situation) -> NodeId | None:
    """The node that is leader by its own view, in the highest term; None if there is none."""
    claim = leadership(situation)
    return None if claim is None else claim[1]


def grew(what: str) -> Trigger:
    """The leader's index of this name is larger than at the last poll: few other nodes know of that yet. Where views
    have no such index, anything that the leader shows has changed."""

    def more(before: dict[NodeId, dict[str, Any]], situation: Situation) -> bool:
        first = leader(situation)
        if first is None or first not in before:
            return False
        now, then = situation.views[first], before[first]
        name = next((name for name in (what, "applied") if name in now and name in then), None)
        return now != then if name is None else int(now[name]) > int(then[name])

    return more


def new_leader(before: dict[NodeId, dict[str, Any]], situation: Situation) -> bool:
    """A node leads that did not at the last poll: nothing of its term may be committed yet."""
    first = leader(situation)
    return first is not None and before.get(first, {}).get("role") != "leader"


def changed(situation: Situation) -> list[NodeId]:
    """The nodes whose views differ from the poll before. Where no node shows anything, any may have changed."""
    before, views = situation.before, situation.views
    if not any(views.values()):
        return list(views)
    return [node for node, view in views.items() if node in before and before[node] != view]


def any_change(before: dict[NodeId, dict[str, Any]], situation: Situation) -> bool:
    """The view of any node has changed: it took, promised or stored something of which few others know yet."""
    return bool(changed(replace(situation, before=before)))


def isolate_changed(situation: Situation) -> Fault | None:
    """Isolate a node that has just changed; what it has sent since is lost."""
    nodes = changed(situation)
    if not nodes:
        return None
    one = situation.random.choice(nodes)
    cut = shapes.isolated_node([one, *(node for node in situation.nodes if node != one)])
    return Cut(cut.links, cut.shape, under_way=True)


def crash_changed(situation: Situation) -> Fault | None:
    """Kill a node that has just changed, mostly by a power loss."""
    nodes = changed(situation)
    power = situation.random.random() < 0.7
    return Kill((situation.random.choice(nodes),), power=power) if nodes else None


def pause_changed(situation: Situation) -> Fault | None:
    """Pause a node that has just changed."""
    nodes = [node for node in changed(situation) if node not in situation.paused]
    return Pause((situation.random.choice(nodes),)) if nodes else None


def members(situation: Situation) -> set[NodeId]:
    """The configuration of the leader; all nodes, if no view has one."""
    first = leader(situation)
    return set(situation.views[first].get("configuration", situation.nodes) if first else situation.nodes)


def shuffled(situation: Situation) -> list[NodeId]:
    """All nodes, in random order."""
    return situation.random.sample(situation.nodes, len(situation.nodes))


def isolate_leader(situation: Situation) -> Fault | None:
    """Isolate the leader; messages under way still arrive."""
    first = leader(situation)
    if first is None:
        return None
    others = [node for node in situation.nodes if node != first]
    cut = shapes.isolated_node([first, *others])
    return Cut(cut.links, f"{cut.shape}, leader {first}")


ALONE = 0.75
"""How often the leader is alone on its side of a partition: after several in a row others have what it had then."""


def _part(situation: Situation, first: NodeId, with_it: int) -> tuple[Cut, list[NodeId]]:
    """A partition between the leader, alone or with a random number of nodes below `with_it`, and the rest.

    Messages under way are lost too. Also returns the rest, in random order.
    """
    others = [node for node in shuffled(situation) if node != first]
    count = 0 if situation.random.random() < ALONE else situation.random.randrange(with_it)
    near, far = sorted(others[:count]), others[count:]
    shape = f"{sides([first, *near], far)}, leader {first}"
    return Cut(between([first, *near], sorted(far)), shape, under_way=True), far


def depose(situation: Situation) -> tuple[Fault, ...] | None:
    """Separate the leader from most other nodes, and heal the partition before it.

    It is alone on its side, or has others with it, up to a bare majority of all nodes.
    """
    first = leader(situation)
    return None if first is None else _cut_off(situation, first)


def _cut_off(situation: Situation, first: NodeId) -> tuple[Fault, ...]:
    return Heal(), _part(situation, first, len(situation.nodes) // 2 + 1)[0]


def outage(situation: Situation) -> tuple[Fault, ...] | None:
    """All followers lose power. When they are back, the leader reaches no majority, and the network is slow.

    What the followers promised survives on their disks only. On a slow network elections are contested, so another
    candidate may ask them for the same promise.
    """
    first = leader(situation)
    if first is None:
        return None
    followers = tuple(node for node, view in situation.views.items() if view.get("role") == "follower")
    slow = Degrade(shapes.links(situation.nodes), delay_ms=situation.random.choice((5.0, 20.0, 40.0)))
    reboot = (Kill(followers, power=True), Restart(followers)) if followers else ()
    return *reboot, *_cut_off(situation, first), slow


def split_members(situation: Situation) -> tuple[Fault, ...] | None:
    """Separate the leader from most other nodes, and have it remove one that it cannot reach, as an operator would, or
    add one that is missing."""
    first = leader(situation)
    if first is None:
        return None
    cut, far = _part(situation, first, max(1, len(situation.nodes) // 2))
    inside = members(situation)
    missing = [node for node in situation.nodes if node not in inside]
    lost = [node for node in far if node in inside]
    if missing and situation.random.random() < 0.5:
        inside.add(missing[0])
    elif lost:
        inside.discard(lost[0])
    asked = tuple(node for node in situation.nodes if node in inside)
    return (Heal(), cut, Reconfigure(asked)) if len(asked) >= 2 and (lost or missing) else (Heal(), cut)


SLOWED = ((0.0, 0.2), (0.0, 0.2), (0.0, 0.5), (-300.0, 1.0), (-1000.0, 1.0))
"""Clocks that show too little: offset (ms) and rate."""


def depose_slow(situation: Situation) -> tuple[Fault, ...] | None:
    """Isolate the leader, whose clock is slow from now on, or was set back: what expires expires late there."""
    first = leader(situation)
    if first is None:
        return None
    offset_ms, rate = situation.random.choice(SLOWED)
    cut = shapes.isolated_node([first, *(node for node in situation.nodes if node != first)])
    return Cut(cut.links, f"{cut.shape}, leader {first}"), Skew(first, offset_ms, rate)


def kill_leader(situation: Situation) -> Fault | None:
    """Kill the leader."""
    first = leader(situation)
    return None if first is None else Kill((first,), power=False)


def pause_leader(situation: Situation) -> Fault | None:
    """Pause the leader: when it is resumed it may act as leader although there is a newer one."""
    first = leader(situation)
    return None if first is None or first in situation.paused else Pause((first,))
