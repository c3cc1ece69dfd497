"""Raft's invariants: a server that breaks one is seen at the very step in which it does, whatever it was before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from targets.protocol.node import Node, NodeId, Request
from targets.protocol.target import Invariant
from targets.systems.raft.invariants import ElectionSafety, LeaderCompleteness, LogMatching, StateMachineSafety
from targets.systems.raft.log import Log
from targets.systems.raft.messages import Entry
from targets.systems.raft.node import RaftNode

NODES = ("n1", "n2", "n3")


def command(term: int, id: str) -> Entry:
    return Entry(term, 0.0, Request(id, "c0", "write", "x", 1))


class Watched:
    """Three servers in term 2 with the same five entries, all committed and applied, under one invariant."""

    def __init__(self, invariant: Invariant) -> None:
        self.invariant = invariant
        self.servers = {name: self._server() for name in NODES}
        self.servers["n1"].role = "leader"
        for _ in range(3):
            for name in NODES:
                assert self.step(name) is None

    def _server(self) -> RaftNode:
        server = RaftNode()
        server.current_term = 2
        server.log = Log(NODES)
        for index in range(1, 6):
            server.log.append(command(1 if index < 3 else 2, f"r{index}"))
            self._apply(server)
        return server

    @staticmethod
    def _apply(server: RaftNode) -> None:
        server.commit_index = server.last_applied = server.log.last_index
        server.digest = 1000 + server.last_applied

    def step(self, name: NodeId) -> str | None:
        """What is found when this server has had an input."""
        nodes: dict[NodeId, Node] = dict(self.servers)
        return self.invariant.check(name, nodes)

    def only_at(self, name: NodeId) -> str:
        """What is found at this server's next step, before which the others step and nothing is found."""
        assert [self.step(other) for other in NODES if other != name] == [None, None]
        found = self.step(name)
        assert found is not None
        return found

    def append(self, *names: NodeId) -> None:
        """The same entry on these servers, which commit and apply it; all is well."""
        for name in names:
            server = self.servers[name]
            server.log.append(command(2, f"r{server.log.last_index + 1}"))
            self._apply(server)
            assert self.step(name) is None


def after_some_life(invariant: type[Invariant]) -> Iterator[Watched]:
    """At once, and after entries that some servers have and others do not."""
    yield Watched(invariant())
    watched = Watched(invariant())
    watched.append(*NODES)
    watched.append("n3", "n1")
    watched.append("n2")
    yield watched


every_node = pytest.mark.parametrize("name", NODES)


@every_node
def test_a_second_leader_of_a_term_is_seen_when_it_leads(name: NodeId) -> None:
    for watched in after_some_life(ElectionSafety):
        watched.servers["n1"].role = "follower"
        second = watched.servers[name]
        if name == "n1":
            second = watched.servers["n1"] = RaftNode()
            second.current_term, second.log = 3, Log(NODES)
            watched.servers["n2"].role, watched.servers["n2"].current_term = "leader", 3
            assert watched.step("n2") is None
        second.role = "leader"
        assert f"{name} were both elected leader in term" in watched.only_at(name)


@every_node
def test_an_entry_that_took_the_place_of_another_of_its_term_is_seen(name: NodeId) -> None:
    for watched in after_some_life(LogMatching):
        log = watched.servers[name].log
        log.truncate_from(5)
        log.append(command(2, "another"))
        assert f"entry 5 of term 2 on {name}" in watched.only_at(name)


@every_node
def test_an_entry_behind_one_of_another_term_is_seen(name: NodeId) -> None:
    for watched in after_some_life(LogMatching):
        log = watched.servers[name].log
        log.truncate_from(4)
        log.append(command(1, "between"))
        log.append(command(2, "r5"))
        assert f"entry 5 of term 2 on {name}, or its predecessor" in watched.only_at(name)


@every_node
def test_a_different_log_of_a_restarted_server_is_seen(name: NodeId) -> None:
    for watched in after_some_life(LogMatching):
        server = watched.servers[name] = RaftNode()
        server.log = Log(NODES, 3, 2)
        server.log.append(command(2, "another"))
        server.log.append(command(2, "r5"))
        assert f"entry 4 of term 2 on {name}" in watched.only_at(name)


@every_node
def test_equal_entries_that_were_read_from_disk_are_no_difference(name: NodeId) -> None:
    for watched in after_some_life(LogMatching):
        before, server = watched.servers[name], RaftNode()
        server.log = Log(NODES)
        for entry in before.log.entries:
            server.log.append(Entry(entry.term, entry.time_ms + 1, entry.request, entry.configuration))
        watched.servers[name] = server
        assert watched.step(name) is None


@every_node
def test_a_leader_without_a_committed_entry_is_seen_when_it_is_elected(name: NodeId) -> None:
    for watched in after_some_life(LeaderCompleteness):
        watched.servers["n1"].role = "follower"
        server = watched.servers[name]
        server.log.truncate_from(5)
        server.current_term, server.role = 3, "leader"
        assert watched.only_at(name).startswith(f"{name} leads term 3 without the committed entry ")


@every_node
def test_a_leader_without_an_entry_is_seen_when_another_server_learns_that_it_is_committed(name: NodeId) -> None:
    for watched in after_some_life(LeaderCompleteness):
        lacking = "n2" if name == "n1" else "n1"
        watched.servers["n1"].role = "follower"
        leader, server = watched.servers[lacking], watched.servers[name]
        leader.current_term, leader.role = 3, "leader"
        leader.log = Log(NODES, 7, 2)
        for _ in range(2):
            assert watched.step(lacking) is None
        while server.log.last_index < 9:
            server.log.append(command(2, f"r{server.log.last_index + 1}"))
        server.commit_index = 9
        assert watched.only_at(name) == f"{lacking} leads term 3 without the committed entry 8"


@every_node
def test_a_server_that_applied_something_else_is_seen(name: NodeId) -> None:
    for watched in after_some_life(StateMachineSafety):
        others = [other for other in NODES if other != name]
        while watched.servers[name].last_applied >= watched.servers[others[0]].last_applied:
            watched.append(others[0])
        server = watched.servers[name]
        server.last_applied += 1
        server.digest = 1
        found = watched.only_at(name)
        assert f"{name} applied different things up to index {server.last_applied}" in found


@every_node
def test_a_state_that_changed_though_nothing_was_applied_is_seen(name: NodeId) -> None:
    for watched in after_some_life(StateMachineSafety):
        watched.servers[name].digest += 1
        assert "applied different things up to index" in watched.only_at(name)


@every_node
def test_a_server_that_went_back_is_seen_unless_it_was_restarted(name: NodeId) -> None:
    for watched in after_some_life(StateMachineSafety):
        server = watched.servers[name]
        applied, server.last_applied = server.last_applied, 4
        server.digest = 1004
        assert watched.only_at(name) == f"{name} had applied {applied} entries and went back to 4"
        again = watched.servers[name] = RaftNode()
        again.last_applied, again.digest = 4, 1004
        assert watched.step(name) is None


@every_node
def test_a_restarted_server_that_goes_back_is_seen_like_any(name: NodeId) -> None:
    for watched in after_some_life(StateMachineSafety):
        before, again = watched.servers[name], RaftNode()
        again.last_applied, again.digest = before.last_applied, before.digest
        watched.servers[name] = again
        assert watched.step(name) is None
        again.last_applied, again.digest = 4, 1004
        assert watched.only_at(name) == f"{name} had applied {before.last_applied} entries and went back to 4"
