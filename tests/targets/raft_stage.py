"""A simulated Raft cluster under a script, for tests that look inside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checker import check
from checker.history import History
from naysayer.play.stage import Stage
from targets.protocol.node import NodeId, Reply


class RaftStage(Stage):
    def others(self, *nodes: NodeId) -> list[NodeId]:
        return [node for node in self.nodes if node not in nodes]

    def ready_leader(self, among: Iterable[NodeId] | None = None, after_term: int = 0) -> NodeId:
        """A leader that has committed its no-op."""
        leader = self.leader(among, after_term)
        self.wait(lambda: self.view(leader)["commit_index"] == self.view(leader)["last_index"])
        return leader

    def do(self, node: NodeId, f: str, key: Any = None, input: Any = None, **more: Any) -> Reply | None:
        return self.answer(self.ask(node, f, key, input, **more))

    def read_somewhere(self, nodes: Iterable[NodeId], key: Any, tries: int = 30) -> bool:
        """Read until a leader among the nodes answers."""
        chosen = list(nodes)
        for attempt in range(tries):
            reply = self.do(chosen[attempt % len(chosen)], "read", key, timeout_ms=200.0)
            if reply is not None and reply.status == "ok":
                return True
            self.pass_ms(30)
        return False

    def outcome(self) -> str:
        """invalid (clients saw it), invariant, or valid; a scenario may do without clients."""
        outcome = check(History.of(self.records), "cas-register").outcome if self.records else "valid"
        return "invariant" if outcome != "invalid" and self.cluster.violations else outcome
