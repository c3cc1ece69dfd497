"""Membership changes, one server at a time (dissertation §4.1), with the correction of July 2015.

Majorities of two configurations that differ by one server overlap. That holds for neighbours in one log; a new leader
might not know of a change that an older leader began, and begin another from the same configuration: majorities of
the two new ones need not overlap. Hence a leader must first commit an entry of its own term (Ongaro, raft-dev 2015).
"""

from __future__ import annotations

from abc import ABC
from typing import Any

from targets.node import Request
from targets.raft.replication import Replication


class Membership(Replication, ABC):
    def reconfigure(self, request: Request) -> None:
        """Replace the configuration by `request.input`; answered when it is committed."""
        members, error = self.next_configuration(request.input), None
        if members is None:
            error = "a configuration is a list of nodes, differing from the current one by one server"
        elif self.log.configuration_index > self.commit_index:
            error = "a membership change is under way"
        elif not self.may_start_change():
            error = "the leader has not yet committed an entry of its term"
        if members is None or error is not None:
            self.ctx.fail(request, error or "")
            return
        self.propose(request, members)

    def next_configuration(self, asked: Any) -> tuple[str, ...] | None:
        """The asked configuration, in the order of the nodes; None if it is not one server away (§4.1)."""
        if not isinstance(asked, list | tuple) or not asked or not set(asked) <= set(self.ctx.nodes):
            return None
        members = tuple(node for node in self.ctx.nodes if node in asked)
        return members if len(set(members) ^ set(self.log.configuration)) == 1 else None

    def may_start_change(self) -> bool:
        """The correction of 2015: not before an entry of the leader's own term is committed."""
        return self.has_committed_in_its_term()

    def may_campaign(self) -> bool:
        """§4.2.2: also outside its latest configuration, until that one is known to be committed."""
        return self.me in self.log.configuration or self.log.configuration_index > self.commit_index

    def leave_if_removed(self) -> None:
        """§4.2.2: a leader that removed itself leads until the change is committed, then steps down."""
        log = self.log
        if self.role == "leader" and self.me not in log.configuration and log.configuration_index <= self.commit_index:
            for peer in self.peers:
                self.replicate_to(peer)
            self.become_follower(self.current_term)
