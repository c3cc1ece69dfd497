"""What must hold in every step of Paxos, whether or not a client can see it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from targets.node import Node, NodeId
from targets.paxos.log import PaxosLog
from targets.paxos.log_messages import Command
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


class OneCommandPerSlot:
    """Every replica that knows the decision of a slot knows the same one ("Paxos Made Moderately Complex", R1)."""

    name = "one command per slot"

    def __init__(self) -> None:
        self._decided: dict[int, tuple[Command, NodeId]] = {}
        self._looked: dict[NodeId, tuple[Node, int]] = {}

    def check(self, now_ms: float, nodes: Mapping[NodeId, Node]) -> str | None:
        for name, node in nodes.items():
            if not isinstance(node, PaxosLog):
                continue
            known, looked = self._looked.get(name, (None, 0))
            if known is not node:
                looked = 0
            if looked == len(node.decisions):
                continue
            for slot, command in islice(node.decisions.items(), looked, None):
                other, where = self._decided.setdefault(slot, (command, name))
                if _id(other) != _id(command):
                    return f"slot {slot} holds {_short(other)} says {where}, and {_short(command)} says {name}"
            self._looked[name] = (node, len(node.decisions))
        return None


def _id(command: Command) -> str | None:
    """What tells commands apart: what came from the disk holds lists for tuples."""
    return None if command.request is None else command.request.id


def _short(command: Command) -> str:
    request = command.request
    return "a no-op" if request is None else f"{request.f} {request.key} {request.input} ({request.id})"


class BallotsNeverFall:
    """An acceptor whose promise has reached a candidate never shows a lower ballot again, also after a restart."""

    name = "ballots never fall"

    def __init__(self) -> None:
        self._promised: dict[NodeId, Ballot] = {}

    def check(self, now_ms: float, nodes: Mapping[NodeId, Node]) -> str | None:
        for name, node in nodes.items():
            if isinstance(node, PaxosLog) and node.leader is not None:
                for acceptor in node.leader.promises:
                    if acceptor != name:  # its own promise may still be on its way to the disk
                        self._promised[acceptor] = max(self._promised.get(acceptor, NO_BALLOT), node.leader.ballot)
        for acceptor, ballot in self._promised.items():
            replica = nodes.get(acceptor)
            if isinstance(replica, PaxosLog) and replica.acceptor.ballot < ballot:
                return f"{acceptor} promised {tuple(ballot)} and now holds {tuple(replica.acceptor.ballot)}"
        return None
