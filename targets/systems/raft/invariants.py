"""The properties that Raft guarantees at all times (figure 3 of the paper), watched in the simulator at every step.

Each looks only at the server that had an input. Entries and what was committed are remembered beyond the crash of
the server that held them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import Node, NodeId
from targets.protocol.target import Invariant
from targets.systems.raft.messages import Entry
from targets.systems.raft.node import RaftNode


class ElectionSafety(LocalInvariant):
    """At most one leader can be elected in a given term (§5.2)."""

    name = "election safety"

    def look(self, node: Node) -> int | None:
        """The term that it leads."""
        return node.current_term if isinstance(node, RaftNode) and node.role == "leader" else None

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """`history`: by term its leader."""
        leader = history.setdefault(seen[stepped], stepped)
        if leader != stepped:
            return f"{leader} and {stepped} were both elected leader in term {seen[stepped]}"
        return None


class LogMatching(LocalInvariant):
    """If two logs contain an entry with the same index and term, the logs are identical up to it (§5.3).

    Equivalent, step by step: entries of equal index and term are equal and follow entries of equal term.
    """

    name = "log matching"

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[NodeId, tuple[int, list[Entry]]] = {}
        """Each server's log as it was found good: its base and entries."""

    def look(self, node: Node) -> Any:
        """Its entries, without their times: a server alone in its cluster may lead a term again if it died before that
        was durable."""
        if not isinstance(node, RaftNode):
            return None
        return tuple(_content(node, index) for index in range(node.log.last_index, node.log.base_index, -1))

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """`history`: by index and term what the entry is."""
        for index, term, content in seen[stepped]:
            if history.setdefault((index, term), content) != content:
                return f"entry {index} of term {term} on {stepped}, or its predecessor, differs from another's"
        return None

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        server = nodes[stepped]
        if not isinstance(server, RaftNode):
            return None
        log = server.log
        base, good = self._seen.get(stepped, (0, []))
        if good and log.entries and good[-1] is log.entries[-1] and base + len(good) == log.last_index:
            return None
        fresh = []
        for index in range(log.last_index, log.base_index, -1):
            if base < index <= base + len(good) and good[index - base - 1] is log.entry(index):
                break
            fresh.append(_content(server, index))
        found = self.judge(self._history, stepped, {stepped: tuple(fresh)})
        if found is None:
            self._seen[stepped] = (log.base_index, log.entries[:])
        return found


def _content(server: RaftNode, index: int) -> tuple[int, int, Any]:
    """An entry: its index, its term, and its command with the term before it."""
    entry = server.log.entry(index)
    command = None if entry.request is None else entry.request.id
    return index, entry.term, (command, entry.configuration, server.log.term(index - 1))


class LeaderCompleteness:
    """An entry committed in a term is in the logs of the leaders of all later terms (§5.4)."""

    name = "leader completeness"

    def __init__(self) -> None:
        self._committed: dict[int, tuple[int, int]] = {}
        """index -> term of the entry, term in which it was known to be committed."""
        self._known: dict[NodeId, tuple[RaftNode, int]] = {}
        self._leaders: dict[NodeId, int] = {}

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        server = nodes[stepped]
        if not isinstance(server, RaftNode):
            return None
        known, since = self._known.get(stepped, (None, 0))
        if known is not server:
            since = server.log.base_index
        fresh: list[int] = []
        if since < server.commit_index:
            fresh = self._note(server, since)
            self._known[stepped] = (server, server.commit_index)
        if not fresh and (server.role != "leader" or self._leaders.get(stepped) == server.current_term):
            return None
        for name, node in nodes.items():
            if isinstance(node, RaftNode) and node.role == "leader":
                found = self._unaware(name, node, fresh)
                if found is not None:
                    return found
        return None

    def _unaware(self, name: NodeId, leader: RaftNode, fresh: list[int]) -> str | None:
        """What this leader lacks: of all that is committed if it has just been elected, else of what is news."""
        elected = self._leaders.get(name) != leader.current_term
        self._leaders[name] = leader.current_term
        lost = self._missing(leader, list(self._committed) if elected else fresh)
        return None if lost is None else f"{name} leads term {leader.current_term} without the committed entry {lost}"

    def _note(self, server: RaftNode, since: int) -> list[int]:
        """Remember what this server knows to be committed after `since`; returns what is new."""
        fresh = []
        for index in range(since + 1, server.commit_index + 1):
            if index not in self._committed and server.log.term(index):
                self._committed[index] = (server.log.term(index), server.current_term)
                fresh.append(index)
        return fresh

    def _missing(self, server: RaftNode, indices: list[int]) -> int | None:
        for index in indices:
            term, committed_in = self._committed[index]
            if committed_in < server.current_term and index > server.log.base_index and server.log.term(index) != term:
                return index
        return None


class StateMachineSafety(LocalInvariant):
    """No two servers apply different entries at one index (§5.4.3), or get different results from one entry.

    Compared by the running checksum over all that a server applied. What a server applied stays applied while it runs.
    """

    name = "state machine safety"

    def __init__(self) -> None:
        super().__init__()
        self._applied: dict[NodeId, tuple[RaftNode, int, int]] = {}
        """Each server as it was found good: how far it had applied, and its checksum."""

    def look(self, node: Node) -> Any:
        """How far it has applied, and its checksum."""
        return (node.last_applied, node.digest) if isinstance(node, RaftNode) and node.last_applied else None

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """`history`: by index the checksum up to there, and whose it was first."""
        applied, here = seen[stepped]
        digest, first = history.setdefault(applied, (here, stepped))
        if digest != here:
            return f"{first} and {stepped} applied different things up to index {applied}"
        return None

    def check(self, stepped: NodeId, nodes: Mapping[NodeId, Node]) -> str | None:
        """What a server applied stays applied while it runs, too."""
        server = nodes[stepped]
        if not isinstance(server, RaftNode):
            return None
        here = (server, server.last_applied, server.digest)
        known = self._applied.get(stepped)
        if known == here:
            return None
        if known is not None and known[0] is server and server.last_applied < known[1]:
            return f"{stepped} had applied {known[1]} entries and went back to {server.last_applied}"
        found = super().check(stepped, nodes)
        if found is None:
            self._applied[stepped] = here
        return found


INVARIANTS: tuple[Callable[[], Invariant], ...] = (ElectionSafety, LogMatching, LeaderCompleteness, StateMachineSafety)
