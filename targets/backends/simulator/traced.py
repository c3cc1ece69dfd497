"""Hosts of a traced run: which input caused each message, and what each input changed on its node.

Ordinary runs are not traced: a hunt runs thousands of seeds, and traces only the one that failed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from targets.backends.simulator.host import Host
from targets.backends.simulator.network import Cause
from targets.protocol.node import Node, NodeId, Request


class Step(NamedTuple):
    """An input that changed what a node's view shows. `cause` is None for a timer and for the start of the node."""

    time_ns: int
    node: NodeId
    cause: Cause | None
    before: dict[str, Any]
    after: dict[str, Any]


class TracedHost(Host):
    """Records its steps, and in `held` the view of its node when each request arrived, by request and node."""

    steps: list[Step]
    held: dict[tuple[str, NodeId], dict[str, Any]]
    handling: Cause | None = None
    """The message whose handler runs, or whose effects wait for a sync."""

    _shown: tuple[Node | None, dict[str, Any]] = (None, {})
    """The node, and its view after its last input."""

    def _handle(self, node: Node, sender: NodeId | None, what: Any) -> None:
        before = self._shown[1] if self._shown[0] is node else {}
        self.handling = (sender, what) if sender is not None else None
        if isinstance(what, Request):
            self.held.setdefault((what.id, self.name), before)
        super()._handle(node, sender, what)
        if self.node is node:
            after = node.view()
            self._shown = (node, after)
            if after != before:
                self.steps.append(Step(self._loop.now_ns, self.name, self.handling, before, after))
