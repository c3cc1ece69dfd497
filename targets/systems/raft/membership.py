"""Membership changes, one server at a time (dissertation §4.1), with the correction of July 2015.

Majorities of two configurations that differ by one server overlap. That holds for neighbours in one log; a new leader
might not know of a change that an older leader began, and begin another from the same configuration: majorities of
the two new ones need not overlap. Hence a leader must first commit an entry of its own term (Ongaro, raft-dev 2015).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from targets.protocol.node import Request

if TYPE_CHECKING:
    from targets.systems.raft.node import RaftNode


class Membership:
    def __init__(self, server: RaftNode) -> None:
        self._server = server

    def reconfigure(self, request: Request) -> None:
        """Replace the configuration by `request.input`; answered when it is committed."""
        server = self._server
        members, error = self.next_configuration(request.input), None
        if members is None:
            error = "a configuration is a list of nodes, differing from the current one by one server"
        elif server.log.configuration_index > server.commit_index:
            error = "a membership change is under way"
        elif not self.may_start_change():
            error = "the leader has not yet committed an entry of its term"
        if error is None:
            server.propose(request, members)
        else:
            server.ctx.fail(request, error)

    def next_configuration(self, asked: Any) -> tuple[str, ...] | None:
        """The asked configuration, in the order of the nodes; None if it is not one server away (§4.1)."""
        nodes = self._server.ctx.nodes
        if not isinstance(asked, list | tuple) or not asked or not set(asked) <= set(nodes):
            return None
        members = tuple(node for node in nodes if node in asked)
        return members if len(set(members) ^ set(self._server.log.configuration)) == 1 else None

    def may_start_change(self) -> bool:
        """The correction of 2015: not before an entry of the leader's own term is committed."""
        return self._server.has_committed_in_its_term()

    def may_campaign(self) -> bool:
        """§4.2.2: also outside its latest configuration, until that one is known to be committed."""
        server = self._server
        return server.me in server.log.configuration or server.log.configuration_index > server.commit_index

    def leave_if_removed(self) -> None:
        """§4.2.2: a leader that removed itself leads until the change is committed, then steps down."""
        server, log = self._server, self._server.log
        removed = server.me not in log.configuration and log.configuration_index <= server.commit_index
        if server.role == "leader" and removed:
            for peer in server.peers:
                server.replicate_to(peer)
            server.become_follower(server.current_term)
