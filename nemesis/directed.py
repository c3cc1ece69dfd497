"""Faults that are aimed: at the node that leads, at a moment when it has just done something.

What needs several aligned events to go wrong is rarely met by chance. So these look at what the nodes tell of
themselves: who leads, in which term, how far. A moment says when to strike, the fault itself at whom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nemesis import shapes
from nemesis.schedule import Situation
from targets.protocol.fault import Cut, Degrade, Fault, Heal, Kill, Pause, Reconfigure, Restart
from targets.protocol.links import between
from targets.protocol.node import NodeId

Trigger = Callable[[dict[NodeId, dict[str, Any]], Situation], bool]
"""Whether now is the time, given what the nodes told of themselves a moment ago and what they tell now."""


def leadership(situation: Situation) -> tuple[int, NodeId] | None:
    """The highest term in which a node believes that it leads, and that node; None if none says so."""
    claims = (
        (view.get("term") or view.get("generation") or 0, node)
        for node, view in situation.views.items()
        if view.get("role") == "leader"
    )
    return max(claims, default=None)


def leader(situation: Situation) -> NodeId | None:
    """The node that believes it leads, of those with the highest term; None if none says so."""
    claim = leadership(situation)
    return None if claim is None else claim[1]


def grew(what: str) -> Trigger:
    """The leader tells more of something than a moment ago: few others have it yet, or have heard of it."""

    def tells(view: dict[str, Any]) -> int:
        return int(view.get(what, view.get("applied", 0)))

    def more(before: dict[NodeId, dict[str, Any]], situation: Situation) -> bool:
        first = leader(situation)
        return first is not None and first in before and tells(situation.views[first]) > tells(before[first])

    return more


def new_leader(before: dict[NodeId, dict[str, Any]], situation: Situation) -> bool:
    """Somebody leads who did not a moment ago: nothing of its term may be committed yet."""
    first = leader(situation)
    return first is not None and before.get(first, {}).get("role") != "leader"


def members(situation: Situation) -> set[NodeId]:
    """The configuration of the leader; all nodes, if nobody tells."""
    first = leader(situation)
    return set(situation.views[first].get("configuration", situation.nodes) if first else situation.nodes)


def drawn(situation: Situation) -> list[NodeId]:
    """All nodes, in a drawn order."""
    return situation.random.sample(situation.nodes, len(situation.nodes))


def isolate_leader(situation: Situation) -> Fault | None:
    """Cut the leader off from all others; what is under way arrives."""
    first = leader(situation)
    if first is None:
        return None
    others = [node for node in situation.nodes if node != first]
    cut = shapes.isolate([first, *others])
    return Cut(cut.links, f"leader {cut.shape}")


def _part(situation: Situation, first: NodeId, companies: int) -> tuple[Cut, list[NodeId]]:
    """Pull the cables between a leader, with fewer than `companies` others drawn to stay with it, and the rest.

    Also returns the rest, in a drawn order.
    """
    others = [node for node in drawn(situation) if node != first]
    count = situation.random.randrange(companies)
    near, far = sorted(others[:count]), others[count:]
    company = f" with {' '.join(near)}" if near else ""
    shape = f"leader {first}{company} ╳ {' '.join(sorted(far))}"
    return Cut(between([first, *near], sorted(far)), shape, under_way=True), far


def depose(situation: Situation) -> tuple[Fault, ...] | None:
    """Part the leader from most others, and let in again whoever was cut off before it.

    Nobody stays with it, or some: up to a bare majority of all, or of what it takes for the members.
    """
    first = leader(situation)
    return None if first is None else _cut_off(situation, first)


def _cut_off(situation: Situation, first: NodeId) -> tuple[Fault, ...]:
    return Heal(), _part(situation, first, len(situation.nodes) // 2 + 1)[0]


def outage(situation: Situation) -> tuple[Fault, ...] | None:
    """The power fails where the followers are. When it is back the leader hears no majority, and the network is slow.

    Only what is on disks is left of what the followers promised; and on a slow network elections are contested, so
    that there may be somebody else to whom they promise it again.
    """
    first = leader(situation)
    if first is None:
        return None
    followers = tuple(node for node, view in situation.views.items() if view.get("role") == "follower")
    slow = Degrade(shapes.links(situation.nodes), delay_ms=situation.random.choice((5.0, 20.0, 40.0)))
    reboot = (Kill(followers, power=True), Restart(followers)) if followers else ()
    return *reboot, *_cut_off(situation, first), slow


def split_members(situation: Situation) -> tuple[Fault, ...] | None:
    """Part the leader from most others, and have it leave out one that it does not reach, as administrators do."""
    first = leader(situation)
    if first is None:
        return None
    cut, far = _part(situation, first, max(1, len(situation.nodes) // 2))
    inside = members(situation)
    lost = [node for node in far if node in inside]
    kept = tuple(node for node in situation.nodes if node in inside and node != lost[0]) if lost else ()
    return (Heal(), cut, Reconfigure(kept)) if len(kept) >= 2 else (Heal(), cut)


def kill_leader(situation: Situation) -> Fault | None:
    """End the process that leads."""
    first = leader(situation)
    return None if first is None else Kill((first,), power=False)


def pause_leader(situation: Situation) -> Fault | None:
    """Stop the process that leads: it goes on later, and may believe that it still leads."""
    first = leader(situation)
    return None if first is None or first in situation.paused else Pause((first,))
