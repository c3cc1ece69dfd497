"""Hosts of a traced run: which input caused each message, and what each input changed on its node.

Ordinary runs are not traced: a hunt runs thousands of seeds, and traces only the one that failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from targets.backends.simulator.host import Host, Surroundings
from targets.backends.simulator.network import Cause
from targets.protocol.node import Message, Node, NodeId, Request


class Step(NamedTuple):
    """An input that changed what a node's view shows. `cause` is None for a timer and for the start of the node."""

    time_ns: int
    node: NodeId
    cause: Cause | None
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass
class Record:
    """What the hosts of one cluster record together."""

    steps: list[Step] = field(default_factory=list)
    """What inputs changed on the nodes, in order of time."""
    held: dict[tuple[str, NodeId], dict[str, Any]] = field(default_factory=dict)
    """The view of a node when a request arrived, by the request's id and the node."""
    synced: dict[int, int | None] = field(default_factory=dict)
    """By the place in `steps` of a change that waited for a sync: when it was durable (ns); None: it never was."""
    stopped: list[tuple[int, NodeId]] = field(default_factory=list)
    """When nodes ended (ns): killed, without power, or by themselves."""
    missed: set[tuple[int, NodeId, NodeId]] = field(default_factory=set)
    """When messages arrived at nodes that were down (ns), from and to whom."""


class TracedHost(Host):
    """Records its steps, and the view of its node when each request arrives."""

    record: Record
    handling: Cause | None = None
    """The message whose handler runs, or whose effects wait for a sync."""

    _shown: tuple[Node | None, dict[str, Any]] = (None, {})
    """The node, and its view after its last input."""

    def __init__(self, name: NodeId, shared: Surroundings) -> None:
        super().__init__(name, shared)
        self._unsynced: list[int] = []
        """The places among the steps of changes that wait for a sync."""

    def receive(self, sender: NodeId, message: Message) -> None:
        if self.node is None:
            self.record.missed.add((self._loop.now_ns, sender, self.name))
        super().receive(sender, message)

    def kill(self, *, power: bool, torn: bool) -> str:
        if self.node is not None:
            self.record.stopped.append((self._loop.now_ns, self.name))
        self._unsynced.clear()
        return super().kill(power=power, torn=torn)

    def _after_sync(self) -> None:
        if not self._syncing:
            self.record.synced.update(dict.fromkeys(self._unsynced, self._loop.now_ns))
            self._unsynced.clear()
        super()._after_sync()

    def _handle(self, node: Node, sender: NodeId | None, what: Any) -> None:
        before = self._shown[1] if self._shown[0] is node else {}
        self.handling = (sender, what) if sender is not None else None
        if isinstance(what, Request):
            self.record.held.setdefault((what.id, self.name), before)
        super()._handle(node, sender, what)
        if self.node is not node:
            return
        after = node.view()
        self._shown = (node, after)
        if after == before:
            return
        steps = self.record.steps
        steps.append(Step(self._loop.now_ns, self.name, self.handling, before, after))
        if self._syncing:
            self._unsynced.append(len(steps) - 1)
            self.record.synced[len(steps) - 1] = None
