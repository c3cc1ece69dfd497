"""What a simulated node may do that ends a run."""

from __future__ import annotations

from checker.errors import TargetError
from targets.protocol.node import NodeId


class NodeRaisedError(TargetError):
    """A handler of a node raised an exception, or gave no answer (`hung`); `how` continues a sentence that begins with
    the node's name."""

    def __init__(self, node: NodeId, how: str, *, hung: bool = False) -> None:
        super().__init__(f"node {node} {how}")
        self.node = node
        self.how = how
        self.hung = hung


class ProtocolBrokenError(TargetError):
    """The program that holds a node does not keep to the node protocol, which ends the run without a verdict."""
