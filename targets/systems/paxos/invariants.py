"""What must hold in every step of Paxos, whether or not a client can see it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from targets.protocol.node import Node, NodeId
from targets.systems.paxos.log import PaxosLog
from targets.systems.paxos.log_messages import Command
from targets.systems.paxos.messages import NO_BALLOT, Ballot, Instance, Row
from targets.systems.paxos.replica import PaxosReplica


class OneValueChosen:
    """At most one value is chosen per instance ("Paxos Made Simple", section 2.1): whatever row a node has ever taken
    for chosen, no node takes another one of that version."""

    name = "one value chosen per instance"

    def __init__(self) -> None:
        self._chosen: dict[Instance, tuple[Any, str, NodeId]] = {}
        self._looked: dict[NodeId, tuple[Node, dict[Any, Row]]] = {}
        """The rows of each node that were found good: a row is immutable."""

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node = nodes[stepped]
        if not isinstance(node, PaxosReplica):
            return None
        looked, rows = self._looked.get(stepped, (None, {}))
        if looked is not node:
            rows = {}
            self._looked[stepped] = (node, rows)
        for key, row in node.rows.items():
            if rows.get(key) is row:
                continue
            rows[key] = row
            author = row.recent[-1].id if row.recent else ""
            value, other, where = self._chosen.setdefault(Instance(key, row.version), (row.value, author, stepped))
            if (value, other) != (row.value, author):
                return (
                    f"version {row.version} of key {key!r} was chosen twice: "
                    f"{value!r} says {where}, {row.value!r} says {stepped}"
                )
        return None


class PromisesNeverFall:
    """An acceptor whose promise has reached a proposer holds to it, also after a restart: it never shows a lower one
    for that instance, unless the instance is over."""

    name = "promises never fall"

    def __init__(self) -> None:
        self._promised: dict[NodeId, dict[Instance, Ballot]] = {}

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node = nodes[stepped]
        if not isinstance(node, PaxosReplica):
            return None
        touched = {stepped: None}
        for attempt in node.attempts.values():
            for acceptor in attempt.promises:
                if acceptor != stepped:  # its own promise may still be on its way to the disk
                    promises = self._promised.setdefault(acceptor, {})
                    if promises.get(attempt.instance, NO_BALLOT) < attempt.ballot:
                        promises[attempt.instance] = attempt.ballot
                        touched[acceptor] = None
        for acceptor in touched:
            found = self._fallen(acceptor, nodes.get(acceptor))
            if found is not None:
                return found
        return None

    def _fallen(self, acceptor: NodeId, replica: Node | None) -> str | None:
        if not isinstance(replica, PaxosReplica):
            return None
        promises = self._promised.get(acceptor, {})
        for instance, ballot in list(promises.items()):
            slot = replica.acceptor.slots.get(instance)
            promised = NO_BALLOT if slot is None else slot.promised
            if promised >= ballot:
                continue
            if replica.row(instance.key).version < instance.version:
                return f"{acceptor} promised {tuple(ballot)} for {tuple(instance)} and now holds {tuple(promised)}"
            del promises[instance]
        return None


class OneCommandPerSlot:
    """Every replica that knows the decision of a slot knows the same one ("Paxos Made Moderately Complex", R1)."""

    name = "one command per slot"

    def __init__(self) -> None:
        self._decided: dict[int, tuple[Command, NodeId]] = {}
        self._looked: dict[NodeId, tuple[Node, int]] = {}

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node = nodes[stepped]
        if not isinstance(node, PaxosLog):
            return None
        known, looked = self._looked.get(stepped, (None, 0))
        if known is not node:
            looked = 0
        if looked == len(node.decisions):
            return None
        for slot, command in islice(node.decisions.items(), looked, None):
            other, where = self._decided.setdefault(slot, (command, stepped))
            if _id(other) != _id(command):
                return f"slot {slot} holds {_short(other)} says {where}, and {_short(command)} says {stepped}"
        self._looked[stepped] = (node, len(node.decisions))
        return None


def _id(command: Command) -> str | None:
    """The identity of a command: one read from disk holds lists in place of tuples."""
    return None if command.request is None else command.request.id


def _short(command: Command) -> str:
    request = command.request
    return "a no-op" if request is None else f"{request.f} {request.key} {request.input} ({request.id})"


class BallotsNeverFall:
    """An acceptor whose promise has reached a candidate never shows a lower ballot again, also after a restart."""

    name = "ballots never fall"

    def __init__(self) -> None:
        self._promised: dict[NodeId, Ballot] = {}

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node = nodes[stepped]
        if not isinstance(node, PaxosLog):
            return None
        found = self._fallen(stepped, node)
        if found is None and node.leader is not None:
            for acceptor in node.leader.promises:
                # its own promise may still be on its way to the disk
                if acceptor != stepped and self._promised.get(acceptor, NO_BALLOT) < node.leader.ballot:
                    self._promised[acceptor] = node.leader.ballot
                    found = found or self._fallen(acceptor, nodes.get(acceptor))
        return found

    def _fallen(self, acceptor: NodeId, replica: Node | None) -> str | None:
        ballot = self._promised.get(acceptor, NO_BALLOT)
        if isinstance(replica, PaxosLog) and replica.acceptor.ballot < ballot:
            return f"{acceptor} promised {tuple(ballot)} and now holds {tuple(replica.acceptor.ballot)}"
        return None
