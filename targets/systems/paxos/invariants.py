"""What must hold in every step of Paxos, whether or not a client can see it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from checker.history import freeze
from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import Node, NodeId
from targets.systems.paxos.log import PaxosLog
from targets.systems.paxos.log_messages import Command
from targets.systems.paxos.messages import NO_BALLOT, Instance, Row
from targets.systems.paxos.replica import PaxosReplica
from targets.systems.promises import PromisesKept


class OneValueChosen(LocalInvariant):
    """At most one value is chosen per instance ("Paxos Made Simple", section 2.1): whatever row a node has ever taken
    for chosen, no node takes another one of that version."""

    name = "one value chosen per instance"

    def __init__(self) -> None:
        super().__init__()
        self._looked: dict[NodeId, tuple[Node, dict[Any, Row]]] = {}
        """The rows of each node that were found good: a row is immutable."""

    def look(self, node: Node) -> Any:
        """Its rows, by key: the version, the value, and the request that made it."""
        return tuple(_chosen(key, row) for key, row in node.rows.items()) if isinstance(node, PaxosReplica) else None

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """`history`: by instance the value and the request, and who said so first."""
        for instance, value, shown, author in seen[stepped]:
            other, first, its_author, where = history.setdefault(instance, (value, shown, author, stepped))
            if (other, its_author) != (value, author):
                return (
                    f"version {instance.version} of key {instance.key!r} was chosen twice: "
                    f"{first} says {where}, {shown} says {stepped}"
                )
        return None

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node = nodes[stepped]
        if not isinstance(node, PaxosReplica):
            return None
        looked, rows = self._looked.get(stepped, (None, {}))
        if looked is not node:
            rows = {}
            self._looked[stepped] = (node, rows)
        fresh = [(key, row) for key, row in node.rows.items() if rows.get(key) is not row]
        rows.update(fresh)
        return self.judge(self._history, stepped, {stepped: tuple(_chosen(key, row) for key, row in fresh)})


def _chosen(key: Any, row: Row) -> tuple[Instance, Any, str, str]:
    return Instance(key, row.version), freeze(row.value), repr(row.value), row.recent[-1].id if row.recent else ""


class PromisesNeverFall(LocalInvariant):
    """An acceptor whose promise has reached a proposer holds to it, also after a restart: it never shows a lower one
    for that instance, unless the instance is over."""

    name = "promises never fall"

    def look(self, node: Node) -> Any:
        """Its ballots with those who promised them, the promises of its acceptor, and its newest versions."""
        if not isinstance(node, PaxosReplica):
            return None
        ballots = tuple((one.instance, one.ballot, tuple(one.promises)) for one in node.attempts.values())
        promised = frozenset((instance, slot.promised) for instance, slot in node.acceptor.slots.items())
        return ballots, promised, frozenset((key, row.version) for key, row in node.rows.items())

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """`history`: by acceptor and instance the highest ballot that it is known to have promised."""
        touched = {stepped: None}
        for instance, ballot, acceptors in seen[stepped][0]:
            for acceptor in acceptors:
                # its own promise may still be on its way to the disk
                if acceptor != stepped and history.get((acceptor, instance), NO_BALLOT) < ballot:
                    history[acceptor, instance] = ballot
                    touched[acceptor] = None
        for acceptor in touched:
            found = self._fallen(history, acceptor, seen)
            if found is not None:
                return found
        return None

    @staticmethod
    def _fallen(history: dict[Any, Any], acceptor: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        if acceptor not in seen:
            return None
        _, promises, versions = seen[acceptor]
        held, known = dict(promises), dict(versions)
        for (who, instance), ballot in list(history.items()):
            promised = held.get(instance, NO_BALLOT)
            if who != acceptor or promised >= ballot:
                continue
            if known.get(instance.key, 0) < instance.version:
                return f"{acceptor} promised {tuple(ballot)} for {tuple(instance)} and now holds {tuple(promised)}"
            del history[who, instance]
        return None


class OneCommandPerSlot(LocalInvariant):
    """Every replica that knows the decision of a slot knows the same one ("Paxos Made Moderately Complex", R1)."""

    name = "one command per slot"

    def __init__(self) -> None:
        super().__init__()
        self._looked: dict[NodeId, tuple[Node, int]] = {}
        """How many decisions of each node were looked at."""

    def look(self, node: Node) -> Any:
        """The commands of the slots that it knows to be decided."""
        return _decided(node, 0) if isinstance(node, PaxosLog) else None

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """`history`: by slot the command, and who said so first."""
        for slot, command, shown in seen[stepped]:
            other, first, where = history.setdefault(slot, (command, shown, stepped))
            if other != command:
                return f"slot {slot} holds {first} says {where}, and {shown} says {stepped}"
        return None

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        node = nodes[stepped]
        if not isinstance(node, PaxosLog):
            return None
        known, looked = self._looked.get(stepped, (None, 0))
        if known is not node:
            looked = 0
        if looked == len(node.decisions):
            return None
        found = self.judge(self._history, stepped, {stepped: _decided(node, looked)})
        if found is None:
            self._looked[stepped] = (node, len(node.decisions))
        return found


def _decided(node: PaxosLog, since: int) -> tuple[tuple[int, str | None, str], ...]:
    """The decisions after the first `since`."""
    decisions = islice(node.decisions.items(), since, None)
    return tuple((slot, _id(command), _short(command)) for slot, command in decisions)


def _id(command: Command) -> str | None:
    """The identity of a command: one read from disk holds lists in place of tuples."""
    return None if command.request is None else command.request.id


def _short(command: Command) -> str:
    request = command.request
    return "a no-op" if request is None else f"{request.f} {request.key} {request.input} ({request.id})"


class BallotsNeverFall(PromisesKept):
    """An acceptor whose promise has reached a candidate never shows a lower ballot again, also after a restart."""

    name = "ballots never fall"

    def look(self, node: Node) -> Any:
        """The promise of its acceptor; its own ballot, and who promised that."""
        if not isinstance(node, PaxosLog):
            return None
        leader = node.leader
        return node.acceptor.ballot, *((NO_BALLOT, ()) if leader is None else (leader.ballot, tuple(leader.promises)))

    def broken(self, who: NodeId, promised: Any, held: Any) -> str:
        return f"{who} promised {tuple(promised)} and now holds {tuple(held)}"
