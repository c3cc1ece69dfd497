"""What must hold in every step of Paxos, whether or not a client can see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from targets.node import Node, NodeId
from targets.paxos.messages import NO_BALLOT, Ballot, Instance
from targets.paxos.replica import PaxosReplica


class OneValueChosen:
    """At most one value is chosen per instance ("Paxos Made Simple", section 2.1): whatever row a node has ever taken
    for chosen, no node takes another one of that version."""

    name = "one value chosen per instance"

    def __init__(self) -> None:
        self._chosen: dict[Instance, tuple[Any, str, NodeId]] = {}

    def check(self, now_ms: float, nodes: Mapping[NodeId, Node]) -> str | None:
        for name, node in nodes.items():
            if not isinstance(node, PaxosReplica):
                continue
            for key, row in node.rows.items():
                author = row.recent[-1].id if row.recent else ""
                value, other, where = self._chosen.setdefault(Instance(key, row.version), (row.value, author, name))
                if (value, other) != (row.value, author):
                    return (
                        f"version {row.version} of key {key!r} was chosen twice: "
                        f"{value!r} says {where}, {row.value!r} says {name}"
                    )
        return None


class PromisesNeverFall:
    """An acceptor whose promise has reached a proposer holds to it, also after a restart: it never shows a lower one
    for that instance, unless the instance is over."""

    name = "promises never fall"

    def __init__(self) -> None:
        self._promised: dict[tuple[NodeId, Instance], Ballot] = {}

    def check(self, now_ms: float, nodes: Mapping[NodeId, Node]) -> str | None:
        for name, node in nodes.items():
            if isinstance(node, PaxosReplica):
                for attempt in node.attempts.values():
                    for acceptor in attempt.promises:
                        if acceptor != name:  # its own promise may still be on its way to the disk
                            held = self._promised.get((acceptor, attempt.instance), NO_BALLOT)
                            self._promised[acceptor, attempt.instance] = max(held, attempt.ballot)
        for (acceptor, instance), ballot in list(self._promised.items()):
            replica = nodes.get(acceptor)
            if not isinstance(replica, PaxosReplica):
                continue
            if replica.row(instance.key).version >= instance.version:
                del self._promised[acceptor, instance]
                continue
            slot = replica.acceptor.slots.get(instance)
            promised = NO_BALLOT if slot is None else slot.promised
            if promised < ballot:
                return f"{acceptor} promised {tuple(ballot)} for {tuple(instance)} and now holds {tuple(promised)}"
        return None
