"""What a node has promised to another one it keeps: the invariant that Paxos and the generation clock share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import NodeId


class PromisesKept(LocalInvariant):
    """A node whose promise has reached the one that asked for it never shows a lower one again, also after a restart.

    `look` gives the highest promise of a node, what it asks others to promise, and those who have.
    """

    @abstractmethod
    def broken(self, who: NodeId, promised: Any, held: Any) -> str:
        """The sentence that says so."""

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        """`history`: by node the highest that it is known to have promised."""
        _, asked, promisers = seen[stepped]
        touched = [stepped]
        for who in promisers:
            # its own promise may still be on its way to the disk
            if who != stepped and (who not in history or history[who] < asked):
                history[who] = asked
                touched.append(who)
        for who in touched:
            if who in seen and who in history and seen[who][0] < history[who]:
                return self.broken(who, history[who], seen[who][0])
        return None
